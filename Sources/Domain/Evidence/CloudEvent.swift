package import Kernel

/// An event for other systems, as CloudEvents 1.0 describes it.
package struct CloudEvent: Sendable, Equatable {
    /// What is told beside the attributes. A JSON `null` is a payload; none at all is another thing.
    package enum Payload: Sendable, Equatable {
        case none
        case json(JSONValue)
        case text(String)
        case bytes([UInt8])
    }

    /// The attributes but `datacontenttype`, in the order given: texts, whole numbers of 32 bits, truth values.
    package let attributes: [(name: String, value: JSONValue)]
    package let contentType: String?
    package let payload: Payload

    package static let version = "1.0"
    /// Longest name of an attribute: more travels badly.
    package static let nameMax = 20
    private static let required = ["specversion", "type", "source", "id"]
    private static let texts = Set(required + ["subject", "time", "dataschema", "datacontenttype"])

    package static func == (lhs: CloudEvent, rhs: CloudEvent) -> Bool { lhs.json == rhs.json }

    /// Checks what the specification demands of attributes and payload.
    package init(attributes: [(name: String, value: JSONValue)], contentType: String?, payload: Payload) throws(NoteFlaw) {
        var seen: Set<String> = []
        for (name, value) in attributes {
            try CloudEvent.check(name, value)
            guard seen.insert(name).inserted else { throw NoteFlaw("The attribute `\(name)` is there twice.") }
        }
        for name in CloudEvent.required where !seen.contains(name) { throw NoteFlaw("The attribute `\(name)` is missing.") }
        if let contentType { try CloudEvent.check("datacontenttype", .string(contentType)) }
        self.attributes = attributes
        self.contentType = contentType
        self.payload = payload
    }

    private static func check(_ name: String, _ value: JSONValue) throws(NoteFlaw) {
        let isName = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        guard isName, (1...nameMax).contains(name.utf8.count), name != "data" else {
            throw NoteFlaw("`\(name.prefix(40))` is no name of an attribute: 1 to \(nameMax) small letters and digits.")
        }
        switch value {
        case .string(let text): try check(name, text)
        case .bool where !texts.contains(name): break
        case .number(let number) where !texts.contains(name):
            guard Int32(number.text) != nil else { throw NoteFlaw("`\(name)` is no whole number of 32 bits.") }
        default: throw NoteFlaw("`\(name)` is of the wrong type.")
        }
    }

    private static func check(_ name: String, _ text: String) throws(NoteFlaw) {
        guard text.unicodeScalars.allSatisfy(isPermitted) else {
            throw NoteFlaw("`\(name)` holds a control character or a noncharacter.")
        }
        guard !text.isEmpty || !texts.contains(name) else { throw NoteFlaw("`\(name)` is empty.") }
        if name == "specversion", !sameBytes(text, version) { throw NoteFlaw("This is no event of version \(version).") }
        if name == "time", Moment(text) == nil { throw NoteFlaw("`time` is no instant of RFC 3339.") }
    }

    private static func isPermitted(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        return value >= 0x20 && !(0x7F...0x9F).contains(value) && !(0xFDD0...0xFDEF).contains(value) && value & 0xFFFE != 0xFFFE
    }

    // MARK: JSON format

    package init(json: JSONValue) throws(NoteFlaw) {
        guard let object = json.object else { throw NoteFlaw("An event is a JSON object.") }
        guard object["data"] == nil || object["data_base64"] == nil else {
            throw NoteFlaw("`data` and `data_base64` exclude each other.")
        }
        var attributes: [(name: String, value: JSONValue)] = []
        var contentType: String?
        var payload = Payload.none
        for (key, value) in object {
            switch key {
            case "data_base64":
                guard let text = value.string, let bytes = Base64.decode(text) else {
                    throw NoteFlaw("`data_base64` is no base64.")
                }
                payload = .bytes(bytes)
            case "data": payload = .json(value)
            case _ where value.isNull: continue
            case "datacontenttype":
                guard let text = value.string else { throw NoteFlaw("`datacontenttype` is no text.") }
                contentType = text
            default: attributes.append((key, value))
            }
        }
        if case .json(.string(let text)) = payload, let contentType, !MediaType.isJSON(contentType) { payload = .text(text) }
        try self.init(attributes: attributes, contentType: contentType, payload: payload)
    }

    package var json: JSONValue {
        var members = attributes.map { (key: $0.name, value: $0.value) }
        if let contentType { members.append(("datacontenttype", .string(contentType))) }
        switch payload {
        case .none: break
        case .json(let value): members.append(("data", value))
        case .text(let text): members.append(("data", .string(text)))
        case .bytes(let bytes): members.append(("data_base64", .string(Base64.encode(bytes))))
        }
        return .object(JSONObject(members))
    }
}

/// What the HTTP binding asks of a media type.
enum MediaType {
    /// Type and subtype in small letters, without parameters.
    static func essence(_ text: String) -> String {
        let bare = text.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
        return String(decoding: bare.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    static func isJSON(_ text: String) -> Bool {
        let subtype = essence(text).split(separator: "/", maxSplits: 1).last ?? ""
        return subtype == "json" || subtype.hasSuffix("+json")
    }

    static func isText(_ text: String) -> Bool { essence(text).hasPrefix("text/") }
}
