"""Published data in, a verified and sealed capture out."""

from asicrc.importing.file_import import import_file
from asicrc.importing.formats import FORMATS, recognise
from asicrc.importing.report import ImportReport

__all__ = ["FORMATS", "ImportReport", "import_file", "recognise"]
