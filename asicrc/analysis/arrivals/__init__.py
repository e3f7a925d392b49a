"""What times of arrival say, test by test, each with its null, its margin and what n could have seen."""
