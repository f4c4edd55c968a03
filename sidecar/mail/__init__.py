"""Mail: what leaves the house by SMTP, kept until it is delivered."""
