"""The catalogue's web pages and their badges: what a person may see, drawn by the server."""
