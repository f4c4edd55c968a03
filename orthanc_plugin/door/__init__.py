"""The door: one process per cell in front of Orthanc's DICOM port.

It listens on the public ports, reads who is calling and what for (A-ASSOCIATE-RQ, PS3.8 section 9.3.2), refuses in the
words of the standard, and relays what is left to Orthanc's inner port on loopback. Orthanc rejects before any callback,
knows one address per AE title, cannot bind an address and does not tell a TLS certificate: that is why it exists.

- pdu          A-ASSOCIATE-RQ in, A-ASSOCIATE-RJ and A-ABORT out
- services     which DIMSE service an abstract syntax asks for
- admission    policy, caller and request in, outcome out
- tally        equal refusals counted, so that a machine that tries every second makes one record
- records      association records on disk, until the plugin's courier has queued them
- addresses    which loopback address stands for which caller
- tls          the context of the TLS port, and what a failed handshake means
- reception    reading a request within its time; who waits and who is pushed out
- relay        bytes in both directions, one thread per association
- passage      how many images were taken or delivered, and how many were not
- contexts     the presentation contexts proposed and accepted
- dimse        data PDUs, command sets, the identifiers of a retrieval
- retrieval    one C-MOVE or C-GET with proper counts, as Orthanc alone does not give them
- conversation what is said on an association on which retrievals were proposed
- retrieving   the relay of such an association, PDU by PDU
- association  one connection from its first byte to its record
- listeners    the public ports that the policy wants open
- news         "images are flowing", to the plugin
- __main__     puts it together

pdu, services, admission, tally, contexts, dimse, passage, retrieval, conversation are pure. The plugin shares addresses,
records and news.
"""
