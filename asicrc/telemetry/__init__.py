"""What others may see of a capture while it runs."""
