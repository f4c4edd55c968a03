"""People: users, sign-in with password and second factor, what they sign with."""
