"""A made-up population whose truth is known, told to a real register by paper tags: what do the rules make of it?"""
