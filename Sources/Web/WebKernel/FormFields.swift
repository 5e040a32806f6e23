package import Kernel

/// The fields of a posted form, in order, decoded as UTF-8.
package struct FormFields: Sendable {
    package static let fieldsMax = 200

    package let pairs: [(name: String, value: String)]

    package init(urlEncoded body: [UInt8]) throws(Refusal) {
        var pairs: [(name: String, value: String)] = []
        for part in body.split(separator: UInt8(ascii: "&")) {
            guard pairs.count < FormFields.fieldsMax else {
                throw Refusal(.tooLarge, reason: "form.fields", "A form may have at most \(FormFields.fieldsMax) fields.")
            }
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(halves[0], plusIsSpace: true),
                let value = percentDecoded(halves.count == 2 ? halves[1] : [], plusIsSpace: true)
            else { throw Refusal(.invalid, reason: "form.encoding", "The form is not valid percent-encoded UTF-8.") }
            pairs.append((name: name, value: value))
        }
        self.pairs = pairs
    }

    package subscript(name: String) -> String? { pairs.first { sameBytes($0.name, name) }?.value }

    /// The value without surrounding white space; a refusal naming the field when it is missing or empty.
    package func required(_ name: String, label: String) throws(Refusal) -> String {
        let value = trimmed((self[name] ?? "").split(whereSeparator: \.isNewline).joined(separator: "\n"))
        guard !value.isEmpty else {
            throw Refusal(.unprocessable, reason: "form.required", "\(label) is missing.", facts: ["field": name])
        }
        return value
    }
}

/// A file sent by a browser's form (RFC 7578), with the other fields beside it.
package struct UploadedForm: Sendable {
    package struct File: Sendable {
        /// Of the field.
        package let name: String
        package let fileName: String
        package let bytes: [UInt8]
    }

    package let fields: [String: String]
    package let files: [File]

    package static let partsMax = 200

    package init(_ request: WebRequest) throws(Refusal) {
        let type = request.headers["content-type"] ?? ""
        guard type.lowercased().hasPrefix("multipart/form-data"), let boundary = UploadedForm.parameter("boundary", in: type),
            !boundary.isEmpty, boundary.utf8.count <= 70
        else { throw Refusal(.invalid, reason: "request.content-type", "Send files as multipart/form-data.") }
        var fields: [String: String] = [:]
        var files: [File] = []
        for part in try UploadedForm.parts(of: request.body, boundary: Array("--\(boundary)".utf8)) {
            guard let end = find([13, 10, 13, 10], in: part, from: 0) else {
                throw Refusal(.invalid, reason: "form.multipart", "A part of the form has no header.")
            }
            let header = String(decoding: part[0..<end], as: UTF8.self)
            let content = Array(part[(end + 4)...])
            let disposition = header.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-disposition:") } ?? ""
            guard let name = UploadedForm.parameter("name", in: disposition) else { continue }
            if let fileName = UploadedForm.parameter("filename", in: disposition) {
                if !(fileName.isEmpty && content.isEmpty) { files.append(File(name: name, fileName: fileName, bytes: content)) }
            } else {
                fields[name] = String(decoding: content, as: UTF8.self)
            }
        }
        self.fields = fields
        self.files = files
    }

    /// The same for a form without files, however it was encoded.
    package init(any request: WebRequest) throws(Refusal) {
        guard request.headers["content-type"]?.lowercased().hasPrefix("multipart/") != true else {
            self = try UploadedForm(request)
            return
        }
        fields = Dictionary(try request.form().pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        files = []
    }

    private static func parts(of body: [UInt8], boundary: [UInt8]) throws(Refusal) -> [[UInt8]] {
        let broken = Refusal(.invalid, reason: "form.multipart", "The form ended before its last part.")
        var parts: [[UInt8]] = []
        guard var at = find(boundary, in: body, from: 0) else { throw broken }
        while true {
            at += boundary.count
            if body.count >= at + 2, body[at] == UInt8(ascii: "-"), body[at + 1] == UInt8(ascii: "-") { return parts }
            guard body.count >= at + 2, body[at] == 13, body[at + 1] == 10, parts.count < partsMax else { throw broken }
            guard let next = find([13, 10] + boundary, in: body, from: at) else { throw broken }
            parts.append(next >= at + 2 ? Array(body[(at + 2)..<next]) : [])
            at = next + 2
        }
    }

    private static func parameter(_ name: String, in header: some StringProtocol) -> String? {
        for piece in header.split(separator: ";").dropFirst() {
            let parts = piece.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]).lowercased() == name else { continue }
            let value = trimmed(parts[1])
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count >= 2
                ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }
}

/// The first index at or after `start` where `needle` begins.
func find(_ needle: [UInt8], in hay: [UInt8], from start: Int) -> Int? {
    guard let first = needle.first, hay.count >= needle.count else { return nil }
    var at = start
    while at <= hay.count - needle.count {
        if hay[at] == first, hay[at..<(at + needle.count)].elementsEqual(needle) { return at }
        at += 1
    }
    return nil
}

/// Percent-decodes UTF-8 text; nil for a broken escape or bytes that are not UTF-8.
package func percentDecoded(_ bytes: some Collection<UInt8>, plusIsSpace: Bool) -> String? {
    var out: [UInt8] = []
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else { return nil }
            out.append(high << 4 | low)
        case UInt8(ascii: "+") where plusIsSpace: out.append(UInt8(ascii: " "))
        default: out.append(byte)
        }
    }
    return String(validating: out, as: UTF8.self)
}

private func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
package func percentEncoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            out.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            out += "%" + [byte].hexText.uppercased()
        }
    }
    return out
}
