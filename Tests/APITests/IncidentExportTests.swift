import Kernel
import Testing

@testable import API

@Suite("incidents taken away as a table")
struct IncidentExportTests {
    @Test(
        "a text that a spreadsheet would run is shown as text, and one with commas, quotes or lines stays in its cell",
        arguments: [
            ("The ERP is away", "The ERP is away"), ("=HYPERLINK(0)", "'=HYPERLINK(0)"), ("+1", "'+1"), ("-1", "'-1"),
            ("@sum", "'@sum"), ("\tx", "'\tx"), ("a, b", "\"a, b\""), ("said \"no\"", "\"said \"\"no\"\"\""),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""), ("two\nlines", "\"two\nlines\""), ("\r\n=x", "\"'\r\n=x\""), ("", ""),
        ])
    func cells(text: String, cell: String) { #expect(IncidentExport.cell(.string(text)) == cell) }

    @Test("numbers and absent times are written as they are, and every line has every column")
    func table() {
        #expect(IncidentExport.cell(JSONValue(-3)) == "-3")
        #expect(IncidentExport.cell(.null) == "")
        let lines = IncidentExport.csv([["number": "INC-7", "title": "A, b"]]).split(separator: "\r\n")
        #expect(lines.count == 2)
        #expect(lines.map { line in line.replacing("A, b", with: "").filter { $0 == "," }.count }.allSatisfy { $0 == 16 })
    }
}
