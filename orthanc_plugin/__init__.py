"""What runs inside each hospital's Orthanc: guards its doors and says what arrived.

`plugin.py` is the only module that imports `orthanc`; everything else is pure or works over small interfaces, and is
tested without a server.

- policy    the snapshot on disk: senders, signing keys, revoked sessions; the last good one stays in force
- entities  which AE title may ask what, from which address, with which certificate
- door      the process in front of the DICOM port, with a map of its own
- inner_port  Orthanc's own DICOM port answers the door only
- tokens    who is calling over HTTP (Ed25519 tokens of the sidecar)
- routes    the table of all doors, `routes.csv`: kinds, roles of staff, contexts, the service account
- paths     finds a request's row in it
- decide    caller, request and owner in; allow, deny or "answer ourselves" out
- owners    to which study one of Orthanc's ids belongs
- gate      token, policy and decision together
- visits    who was let in to what and who was not, counted, for the sidecar's journal
- explorer  what a reading context is answered in Orthanc's place; finding reads its searches
- passing   what everybody else is answered there
- events    what the sidecar is told, one study per event
- archive   Orthanc's REST in the few calls the events need
- harvest   from Orthanc's change log into the durable queue, exactly in its order
- pace      how often to look
- courier   from the queue to the sidecar's inbox: reserve, post, acknowledge
- inbox     that post, over HTTP
- logfile   keeps Orthanc's log small
- logtext   what is written about faults: one line, nobody's data
- room      how much of it the disk has for images
- sealing  takes deleted studies out of the index, and gives them back
- modalities  keeps Orthanc's list of modalities equal to the application entities
- watch     once a second: policy and modalities
- announce  the cell-started event
- surface   routes the running server offers and the reviewed table lacks
- worklist  the modality worklist on disk, and what a query finds in it
- matching  attribute matching of PS3.4, for it
- encoding  a step as a DICOM file
- holdings  which objects a C-MOVE or C-GET means; the door asks
- loops     threads that survive their own errors and stop when asked
- settings  the cell's environment

Nothing here queries the sidecar or a database while an image is being received.
"""
