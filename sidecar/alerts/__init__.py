"""What somebody must look at now, raised from the journal; the journal handed on to collectors; the review of who may what.

- model, rules      alerts as pure rules over what the journal says
- service, jobs     raised, told, acknowledged
- forwarding/       the journal to the organisation's own collectors: syslog over TLS, FHIR
- reviews           the access review of a quarter
"""
