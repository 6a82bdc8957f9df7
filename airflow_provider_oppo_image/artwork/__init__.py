"""Artwork preparation: make a picture that meets OPPO's rules from any image file."""
