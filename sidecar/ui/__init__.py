"""The look: layout, components, tokens, client scripts and the words templates use.

Belongs here: templates of every page, `static/`, Jinja filters, the step that vendors browser libraries.
Does not belong here: views, queries, permissions. Templates say at their top which context they need.
"""
