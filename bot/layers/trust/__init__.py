"""Why an image can be trusted: what is in it, where it comes from, what is known to be wrong with it, who vouches."""
