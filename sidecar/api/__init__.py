"""The JSON API: the resources given by name, their document, paging, preconditions."""
