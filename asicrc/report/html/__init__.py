"""Reports for a browser: one file that opens anywhere, without a network."""

from asicrc.report.html.style import style_sheet
from asicrc.report.html.writing import check_report_name, write_report

__all__ = ["check_report_name", "style_sheet", "write_report"]
