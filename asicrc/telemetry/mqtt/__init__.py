"""A capture on an MQTT broker: what it shows now, and its rows, sent until somebody has them."""
