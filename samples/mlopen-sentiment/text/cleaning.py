"""Words of a review, without what says nothing."""

import re


def clean(text):
    """Small letters, digits and apostrophes."""
    return re.sub(r"[^a-z0-9' ]+", " ", text.lower())
