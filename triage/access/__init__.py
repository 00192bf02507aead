"""Who may do what: accounts, roles, sessions, tokens of peers; asked at every action."""
