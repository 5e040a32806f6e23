package import Kernel

/// What may be wrong with a document that arrives, one thing at a time, made on purpose.
package enum SampleFault: String, Sendable, CaseIterable {
    /// The amount due is not what the totals give: fatal BR-CO-16.
    case wrongSum
    /// A tag is closed by another.
    case malformed
    /// A harmless document type declaration, which is refused like any.
    case doctype
    /// Entities that would grow to gigabytes.
    case billionLaughs
    /// Latin-1 bytes under a label of UTF-8.
    case wrongEncoding
    /// The transfer broke off in the middle.
    case truncated
    /// The seller's VAT number with two digits exchanged.
    case wrongVAT
    /// The account with a wrong check digit.
    case wrongIBAN
    /// A seller no ERP knows; the document itself is right.
    case unknownSupplier
    /// The same invoice once more, its number written in another way; the document itself is right.
    case duplicateNumber
}

extension SampleInvoice {
    /// The document as a file, with at most one fault.
    package func bytes(_ syntax: Syntax = .ubl, fault: SampleFault? = nil) throws(Refusal) -> [UInt8] {
        var invoice = self
        switch fault {
        case .unknownSupplier: invoice.seller = .stranger
        case .duplicateNumber: invoice.number = SampleInvoice.otherSpelling(of: number)
        case .wrongVAT: invoice.seller.vatId = SampleInvoice.lastDigitChanged(seller.vatId)
        case .wrongIBAN: invoice.seller.iban = seller.iban.map(SampleInvoice.lastDigitChanged)
        case .wrongSum, .malformed, .doctype, .billionLaughs, .wrongEncoding, .truncated, nil: break
        }
        return SampleInvoice.spoil(try invoice.text(syntax), by: fault, syntax, due: try SampleFigures(invoice).payable)
    }

    private static func spoil(_ text: String, by fault: SampleFault?, _ syntax: Syntax, due: ExactDecimal) -> [UInt8] {
        let bytes = Array(text.utf8)
        let root = bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? 0
        func withDeclaration(_ declaration: String) -> [UInt8] {
            bytes[..<root] + Array((declaration + "\n").utf8) + bytes[root...]
        }
        switch fault {
        case .wrongSum:
            let tag = syntax == .ubl ? "PayableAmount" : "DuePayableAmount"
            return replaced(
                bytes, ">\(due)</\(syntax == .ubl ? "cbc" : "ram"):\(tag)>",
                ">9\(due.magnitude)</\(syntax == .ubl ? "cbc" : "ram"):\(tag)>")
        case .malformed:
            let close = syntax == .ubl ? "</cac:PartyLegalEntity>" : "</ram:PostalTradeAddress>"
            return replaced(bytes, close, "</cac:PartyIdentity>")
        case .doctype: return withDeclaration("<!DOCTYPE invoice SYSTEM \"http://documents.example/invoice.dtd\">")
        case .billionLaughs:
            var entities = "<!ENTITY l0 \"ha\">"
            for level in 1...9 { entities += "<!ENTITY l\(level) \"" + String(repeating: "&l\(level - 1);", count: 10) + "\">" }
            return withDeclaration("<!DOCTYPE invoice [\(entities)]>")
        case .wrongEncoding:
            let scalars = (text + "<!-- Gr\u{FC}\u{DF}e -->").unicodeScalars
            return scalars.map { $0.value < 0x100 ? UInt8($0.value) : UInt8(ascii: "?") }
        case .truncated: return Array(bytes[..<(bytes.count * 2 / 3)])
        case .wrongVAT, .wrongIBAN, .unknownSupplier, .duplicateNumber, nil: return bytes
        }
    }

    /// `RE-2026-0117` and `re 2026/0117` are one number to any person.
    static func otherSpelling(of number: String) -> String {
        let other = number.lowercased().map { $0 == "-" ? " " : $0 }
        return String(other) == number ? number + " " : String(other)
    }

    static func lastDigitChanged(_ number: String) -> String {
        guard let last = number.last, let digit = last.wholeNumberValue else { return number + "0" }
        return number.dropLast() + String((digit + 1) % 10)
    }

    private static func replaced(_ bytes: [UInt8], _ old: String, _ new: String) -> [UInt8] {
        let wanted = Array(old.utf8)
        guard bytes.count >= wanted.count,
            let at = (0...bytes.count - wanted.count).first(where: { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) })
        else { return bytes }
        return Array(bytes[..<at]) + Array(new.utf8) + Array(bytes[(at + wanted.count)...])
    }
}
