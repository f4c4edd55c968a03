"""Reading Room's sidecar: web UI, JSON API and worker beside the hospitals' Orthanc cells.

The building, top to bottom; arrows point only downward (checked by import-linter):

    cli                      the command line
    instance | demo          the native set-up of all parts | phantoms and demo data
    app | worker | carrier   composition roots: the web process, the background process, downloads that outlast a request
    reactions                when X happened, then Y: calls only
    api                      the JSON API's resources given by name
    dicomweb | explorer | intake   edges: translate a protocol, own nothing
    alerts                   what somebody must look at now
    sharing                  break-glass, links for people outside
    reports                  drafts, signatures, versions, PDF; the reading page
    worklist                 the live list
    archive | deidentification   whole studies: taken along, sent on, deleted | anonymised exports
    assignment               who reads what: assign, claim, lock
    studies                  the index of the cells, reading contexts
    accounts                 users, sign-in, second factor
    organisations            tenants, contracts, cells, senders
    notifications            what a person is told in the house
    mail                     what leaves the house by SMTP
    audit                    the journal read back
    vault                    one data key per organisation
    ui                       layout, components, scripts
    gate                     actor, permissions, scope, doors
    adapters                 Orthanc, Redis, supervisord, seals
    kernel                   settings, clock, ids, errors, database, journal, logging

Inside a room: web|api|jobs > forms > service > queries > policy > tables > rules > events > model.
"""
