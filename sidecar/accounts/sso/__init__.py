"""Single sign-on: an organisation's own OpenID Connect provider says who somebody is (OpenID Connect Core 1.0)."""
