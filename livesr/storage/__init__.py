"""A session on disk: spool, journal, OME-Zarr image and labels, tables, recordings.

``folder`` names the files, ``spool`` holds stacks until they are stored, ``image`` and ``labels``
write OME-Zarr, ``journal`` says what is durable, ``ledger`` sums it up, ``reader`` opens sessions
while they run or afterwards, ``recording`` plays recorded images as a camera would.
"""
