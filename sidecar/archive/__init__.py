"""What people do with whole studies: take them along, send them on, delete them, and what forbids that.

- model       words: kinds and states of jobs, reasons of deletions, what a download may be
- rules       retention, what stands in the way of a deletion, progress, file names: pure
- tables      jobs, deletions, legal holds, retention periods
- policy      may this person do this to this study or job?
- queries     jobs, deletions, holds, what is past its retention period
- service     downloads, sends, jobs, deletions, holds
- web, api    the pages and the same verbs as JSON
- jobs        the worker's part: sends followed, deletions carried out

What does not belong here: images through Python (nginx takes them from the cell), the index itself (``studies``), nodes
(``organisations``).
"""
