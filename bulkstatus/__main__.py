"""`python -m bulkstatus`."""

from bulkstatus.cli import main

main()
