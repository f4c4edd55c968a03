"""Reports: drafts, signatures, immutable versions, the PDF, the reading page and the hospital's own view.

A draft belongs to the organisation that writes it; the hospital sees a report from its signature on. What is signed never
changes again: the database refuses it by privilege and by trigger (21 CFR 11.10(e), 11.70).
Does not belong here: who reads what (assignment), the images' whereabouts (studies), checking the signer's identity (accounts).
"""
