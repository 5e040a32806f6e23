import Finance
import Formats
import Kernel
import Showcase
import TestBasics
import Testing

@Suite("Hostile and odd files")
struct HostileTests {
    @Test("2,000 mutations of our samples each get an answer", arguments: [1_977, 2_026])
    func mutations(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let sources = try [
            SampleInvoice.plain().bytes(.ubl), SampleInvoice.plain().bytes(.cii),
            SampleInvoice.plain(kind: .creditNote).bytes(.ubl),
            SampleInvoice.plain().bytes(.ubl, fault: .billionLaughs),
        ]
        var read = 0
        for round in 0..<1_000 {
            let bytes = Self.mutate(sources.randomElement(using: &random) ?? [], &random)
            let reading = DocumentOpener.open(bytes)
            #expect((reading.invoice == nil) == (reading.rejection != nil), "seed \(seed) round \(round)")
            if reading.invoice != nil { read += 1 }
        }
        print("seed \(seed): \(read) of 1000 mutations still read as invoices")
    }

    private static func mutate(_ source: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var bytes = source
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            guard !bytes.isEmpty else { break }
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch random.next() % 7 {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] ^= 1 << UInt8(random.next() % 8)
            case 2: bytes.remove(at: at)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 4: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...200, using: &random)))
            case 5:
                let part = bytes[at..<min(bytes.count, at + Int.random(in: 1...400, using: &random))]
                bytes.insert(contentsOf: part, at: Int.random(in: 0...bytes.count, using: &random))
            default:
                let digits =
                    ["-0.00", "1e9", "99999999999999999999999999999999999999", "", "NaN", "1,00"].randomElement(using: &random)
                    ?? ""
                if bytes[at] >= 0x30, bytes[at] <= 0x39 { bytes.replaceSubrange(at...at, with: Array(digits.utf8)) }
            }
        }
        return bytes
    }

    private func rejection(_ text: String) -> String? { DocumentOpener.open(Array(text.utf8)).rejection?.reason }
    private let head = "<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">"

    @Test("depth, elements, attributes and size have limits, each with its own reason")
    func limits() {
        let deep = head + String(repeating: "<a>", count: 200) + String(repeating: "</a>", count: 200) + "</Invoice>"
        #expect(rejection(deep) == "xml.depth")
        let wide = "<Invoice " + (0..<300).map { "a\($0)=\"1\"" }.joined(separator: " ") + "/>"
        #expect(rejection(wide) == "xml.attributes")
        var small = XMLLimits()
        small.nodesMax = 100
        let many = Array((head + String(repeating: "<a/>", count: 200) + "</Invoice>").utf8)
        #expect(DocumentOpener.open(many, limits: small).rejection?.reason == "xml.elements")
        small.bytesMax = 10
        #expect(DocumentOpener.open(many, limits: small).rejection?.reason == "document.bytes")
        small = XMLLimits()
        small.textBytesMax = 10
        #expect(
            DocumentOpener.open(Array((head + "<a>01234567890</a></Invoice>").utf8), limits: small).rejection?.reason
                == "xml.text")
    }

    @Test("a tag with a million attributes is refused before the parser compares them")
    func manyAttributes() {
        let wide = "<Invoice " + (0..<200_000).map { "a\($0)='1'" }.joined(separator: " ") + "/>"
        #expect(rejection(wide) == "xml.attributes")
    }

    @Test("entities, unbound prefixes, unknown encodings and rubbish are refused")
    func rubbish() {
        #expect(rejection(head + "&undeclared;</Invoice>") == "xml.malformed")
        #expect(rejection("<x:Invoice/>") == "xml.malformed")
        #expect(rejection("<?xml version=\"1.0\" encoding=\"EBCDIC-US\"?>" + head + "</Invoice>") == "xml.encoding")
        #expect(rejection("<?xml version=\"1.0\" encoding=\"UTF-7\"?>" + head + "</Invoice>") == "xml.encoding")
        #expect(rejection("") == "document.empty")
        #expect(rejection("<") == "xml.malformed")
        #expect(rejection("{\"number\":") == "json.malformed")
        #expect(rejection("{}") == "json.missing")
        #expect(rejection("\u{0}\u{1}\u{2}") == "document.format")
    }

    @Test("a document in UTF-16, Latin-1 or Windows-1252 reads like the one in UTF-8")
    func encodings() throws {
        let text = try SampleInvoice.plain().ubl
        let expected = DocumentOpener.open(Array(text.utf8)).invoice
        #expect(expected != nil)
        let wide = text.replacingFirst("UTF-8", "UTF-16")
        let big: [UInt8] = [0xFE, 0xFF] + wide.utf16.flatMap { unit -> [UInt8] in [UInt8(unit >> 8), UInt8(unit & 0xFF)] }
        let little: [UInt8] = [0xFF, 0xFE] + wide.utf16.flatMap { unit -> [UInt8] in [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        for bytes in [big, little] { #expect(DocumentOpener.open(bytes).invoice == expected) }
        #expect(DocumentOpener.open([0xEF, 0xBB, 0xBF] + Array(text.utf8)).invoice == expected)
        for name in ["ISO-8859-1", "windows-1252", "ISO-8859-15"] {
            let narrow = text.replacingFirst("UTF-8", name).unicodeScalars.map { UInt8($0.value) }
            #expect(DocumentOpener.open(narrow).invoice == expected, "\(name)")
        }
    }

    @Test(
        "files are told apart by their content",
        arguments: [
            ("%PDF-1.7\n%âãÏÓ", "pdf"), ("PK\u{3}\u{4}....", "zip"), ("From: a@b.example\nSubject: x\n\nhello", "email"),
            ("number;amount\n1;2\n", "csv"), ("just some words\nand more", "unknown"), ("<html><body/></html>", "xml:html"),
            ("<a:Invoice xmlns:a='urn:other'/>", "xml:Invoice"),
        ])
    func kinds(text: String, kind: String) {
        #expect(DocumentOpener.open(Array(text.utf8)).kind.description == kind)
    }

    @Test("findings name the line and column where the element begins, and the path to it")
    func places() throws {
        let text = try SampleInvoice.plain().ubl.replacingFirst(">904.58<", "\n   >90x.58<")
        let finding = try #require(DocumentOpener.open(Array(text.utf8)).findings.first { $0.term == "BT-106" })
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let index = try #require(lines.firstIndex { $0.contains("<cbc:LineExtensionAmount") })
        #expect(finding.line == index + 1)
        #expect(finding.column == lines[index].prefix { $0 == " " }.count + 1)
        #expect(finding.path == "/Invoice/LegalMonetaryTotal/LineExtensionAmount")
        #expect(finding.actual == "90x.58")
    }

    @Test("amounts that are negative zero, too long, or in another currency are located findings")
    func amounts() throws {
        let text = try SampleInvoice.plain().ubl
        for wrong in ["-0.00", "1e3", "9999999999999999.00", "1,041.25", "+5"] {
            let reading = DocumentOpener.open(Array(text.replacingFirst(">1041.25</cbc:Pay", ">\(wrong)</cbc:Pay").utf8))
            #expect(reading.invoice == nil && reading.rejection?.code == .documentInvalid, "\(wrong)")
            #expect(reading.findings.contains { $0.term == "BT-115" && $0.line != nil }, "\(wrong)")
            #expect(reading["BT-115"] == wrong)
        }
        let mixed = text.replacingFirst("<cbc:PayableAmount currencyID=\"EUR\">", "<cbc:PayableAmount currencyID=\"USD\">")
        #expect(DocumentOpener.open(Array(mixed.utf8)).findings.contains { $0.message.contains("USD") })
    }

    @Test("an attachment is named by the hash of its bytes, and a broken one is a warning")
    func attachments() throws {
        func with(_ body: String) throws -> DocumentReading {
            let reference =
                "<cac:AdditionalDocumentReference><cbc:ID>A1</cbc:ID><cac:Attachment>"
                + "<cbc:EmbeddedDocumentBinaryObject mimeCode=\"text/plain\" filename=\"a.txt\">\(body)"
                + "</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference>"
            let text = try SampleInvoice.plain().ubl.replacingFirst(
                "<cac:AccountingSupplierParty>", reference + "<cac:AccountingSupplierParty>")
            return DocumentOpener.open(Array(text.utf8))
        }
        let attachment = try #require(try with("YW\nJj").invoice?.attachments.first)
        #expect(attachment.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(attachment.name == "a.txt" && attachment.mime == "text/plain")
        #expect(try with("@@@").findings.map(\.severity) == [.warning])
    }

    @Test("our own canonical JSON opens too, and what it claims about itself is not believed")
    func canonical() throws {
        let invoice = try #require(DocumentOpener.open(try SampleInvoice.plain().bytes()).invoice)
        var claimed = invoice
        claimed.totals.payable = try Amount("1.00", currency: euro)
        claimed.status = .approved
        let reading = DocumentOpener.open(claimed.json.bytes)
        #expect(reading.kind == .json && reading.invoice?.status == .invalid)
        #expect(reading.findings.map(\.rule) == ["BR-CO-16"])
    }
}

extension String {
    /// The first occurrence replaced; the text unchanged when there is none.
    func replacingFirst(_ old: String, _ new: String) -> String {
        let bytes = Array(utf8)
        let wanted = Array(old.utf8)
        guard bytes.count >= wanted.count,
            let at = (0...bytes.count - wanted.count).first(where: { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) })
        else { return self }
        return String(decoding: bytes[..<at] + Array(new.utf8) + bytes[(at + wanted.count)...], as: UTF8.self)
    }
}
