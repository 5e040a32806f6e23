package import Kernel

/// CloudEvents on HTTP: attributes in headers (binary mode), an event or several as the body (structured, batch).
package enum CloudEventHTTP {
    package enum Mode: String, Sendable { case binary, structured, batch }

    package static let structuredType = "application/cloudevents+json"
    package static let batchType = "application/cloudevents-batch+json"
    /// Most events of one batch.
    package static let eventsMax = 1000
    private static let prefix = "ce-"

    /// What the content type says of the message; without one it is binary.
    package static func mode(contentType: String?) -> Mode {
        let essence = MediaType.essence(contentType ?? "")
        if essence == "application/cloudevents-batch" || essence.hasPrefix("application/cloudevents-batch+") { return .batch }
        return essence == "application/cloudevents" || essence.hasPrefix("application/cloudevents+") ? .structured : .binary
    }

    // MARK: Writing

    /// The event in binary mode: headers with names of small letters, and the body.
    package static func binary(_ event: CloudEvent) -> (headers: [(name: String, value: String)], body: [UInt8]) {
        var headers: [(name: String, value: String)] = []
        for (name, value) in event.attributes {
            let text =
                switch value {
                case .string(let text): text
                case .bool(let flag): flag ? "true" : "false"
                default: value.text
                }
            headers.append((prefix + name, encoded(text)))
        }
        var contentType = event.contentType
        let body: [UInt8]
        switch event.payload {
        case .none: body = []
        case .json(let value):
            body = value.bytes
            contentType = contentType ?? "application/json"
        case .text(let text): body = Array(text.utf8)
        case .bytes(let bytes): body = bytes
        }
        if let contentType { headers.append(("content-type", contentType)) }
        return (headers, body)
    }

    /// A header's value: what is not printable ASCII, spaces, quotes and percent signs are percent-encoded UTF-8.
    package static func encoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "%") {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), upperHex(byte >> 4), upperHex(byte & 15)]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func upperHex(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x37 + nibble }

    // MARK: Reading

    /// The event of a message that is no batch. Header names may come in any case.
    package static func event(headers: [(name: String, value: String)], body: [UInt8]) throws(NoteFlaw) -> CloudEvent {
        let contentType = headers.first { lower($0.name) == "content-type" }?.value
        switch mode(contentType: contentType) {
        case .batch: throw NoteFlaw("This is a batch of events, and one is expected.")
        case .structured:
            guard MediaType.isJSON(contentType ?? "") else { throw NoteFlaw("Only the JSON format of events is read.") }
            return try CloudEvent(json: try parsed(body))
        case .binary: return try binaryEvent(headers, contentType, body)
        }
    }

    package static func batch(headers: [(name: String, value: String)], body: [UInt8]) throws(NoteFlaw) -> [CloudEvent] {
        let contentType = headers.first { lower($0.name) == "content-type" }?.value ?? ""
        guard mode(contentType: contentType) == .batch, MediaType.isJSON(contentType), let items = try parsed(body).array else {
            throw NoteFlaw("This is no batch of events in JSON.")
        }
        guard items.count <= eventsMax else { throw NoteFlaw("A batch has at most \(eventsMax) events.") }
        var out: [CloudEvent] = []
        for item in items { out.append(try CloudEvent(json: item)) }
        return out
    }

    private static func binaryEvent(
        _ headers: [(name: String, value: String)], _ contentType: String?, _ body: [UInt8]
    ) throws(NoteFlaw) -> CloudEvent {
        var attributes: [(name: String, value: JSONValue)] = []
        for (name, value) in headers {
            let name = lower(name)
            guard name.hasPrefix(prefix) else { continue }
            guard name != "ce-datacontenttype" else { throw NoteFlaw("The content type is the header Content-Type alone.") }
            attributes.append((String(name.dropFirst(prefix.utf8.count)), .string(try decoded(value))))
        }
        var payload = CloudEvent.Payload.none
        if !body.isEmpty {
            if let contentType, MediaType.isJSON(contentType) {
                payload = .json(try parsed(body))
            } else if let contentType, MediaType.isText(contentType), let text = String(validating: body, as: UTF8.self) {
                payload = .text(text)
            } else {
                payload = .bytes(body)
            }
        }
        return try CloudEvent(attributes: attributes, contentType: contentType, payload: payload)
    }

    /// A header's value as it was meant: outer white space off, a quoted string unwrapped, percent-encoding undone once.
    package static func decoded(_ header: String) throws(NoteFlaw) -> String {
        var bytes = Array(header.utf8)[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        var out: [UInt8] = []
        var rest = try unquoted(bytes)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                throw NoteFlaw("A percent sign is followed by two hexadecimal digits.")
            }
            out.append(high << 4 | low)
        }
        guard let text = String(validating: out, as: UTF8.self) else { throw NoteFlaw("A header's value is no UTF-8.") }
        return text
    }

    private static func unquoted(_ bytes: ArraySlice<UInt8>) throws(NoteFlaw) -> [UInt8] {
        guard bytes.first == UInt8(ascii: "\"") else { return Array(bytes) }
        var out: [UInt8] = []
        var rest = bytes.dropFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                guard rest.isEmpty else { throw NoteFlaw("Something follows a quoted value.") }
                return out
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { throw NoteFlaw("A quoted value ends in the midst.") }
                out.append(escaped)
            default: out.append(byte)
            }
        }
        throw NoteFlaw("A quoted value is not closed.")
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }

    private static func parsed(_ body: [UInt8]) throws(NoteFlaw) -> JSONValue {
        do throws(JSONParseFailure) {
            return try JSONValue(parsing: body)
        } catch {
            throw NoteFlaw("The body is no JSON: \(error)")
        }
    }

    private static func lower(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}

/// The HTTP binding against a folder of published cases; every case says its kind.
package enum CloudEventConformance {
    package static func run(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for file in try FileBytes.names(in: directory) where file.hasSuffix(".json") {
            for entry in try VectorFile.read(directory + "/" + file)["cases"]?.array ?? [] {
                tally.record("\(file.dropLast(5))/\(entry["name"]?.string ?? "?")", verdict(entry))
            }
        }
        return tally
    }

    private static func verdict(_ entry: JSONValue) -> ConformanceTally.Verdict {
        let isBad = entry["error"]?.bool == true
        do throws(NoteFlaw) {
            let failure: String?
            switch entry["kind"]?.string {
            case "mode": failure = mode(entry)
            case "encode-value": failure = differs(CloudEventHTTP.encoded(entry["value"]?.string ?? ""), entry["header"])
            case "decode-value": failure = differs(try CloudEventHTTP.decoded(entry["header"]?.string ?? ""), entry["value"])
            case "message": failure = message(try CloudEvent(json: entry["event"] ?? .null), entry["binary"] ?? .null)
            case "receive":
                let event = try CloudEventHTTP.event(headers: headers(entry["headers"]), body: body(entry))
                failure = isSame(event.json, entry["event"]) ? nil : "read as \(event.json.text)"
            case "receive-batch":
                let events = try CloudEventHTTP.batch(headers: headers(entry["headers"]), body: body(entry)).map(\.json)
                failure = isSame(.array(events), entry["events"]) ? nil : "read as \(JSONValue.array(events).text)"
            default: failure = "the case cannot be read"
            }
            if isBad { return .failed("taken, but should be refused") }
            return failure.map { .failed($0) } ?? .passed
        } catch {
            return isBad ? .passed : .failed("refused: \(error)")
        }
    }

    private static func mode(_ entry: JSONValue) -> String? {
        differs(CloudEventHTTP.mode(contentType: entry["content_type"]?.string).rawValue, entry["mode"])
    }

    private static func differs(_ found: String, _ wanted: JSONValue?) -> String? {
        sameBytes(found, wanted?.string ?? "") ? nil : "gave `\(found)`"
    }

    private static func message(_ event: CloudEvent, _ wanted: JSONValue) -> String? {
        let (found, body) = CloudEventHTTP.binary(event)
        let wantedHeaders = headers(wanted["headers"])
        let isSameHeaders =
            found.count == wantedHeaders.count
            && wantedHeaders.allSatisfy { pair in
                found.contains { sameBytes($0.name, pair.name) && sameBytes($0.value, pair.value) }
            }
        guard isSameHeaders else { return "headers \(found)" }
        if let bytes = wanted["body_base64"]?.string { return Base64.decode(bytes) == body ? nil : "the body differs" }
        // A body that is no JSON is not the wanted value.
        return isSame((try? JSONValue(parsing: body)) ?? .string("no JSON"), wanted["body_json"]) ? nil : "the body differs"
    }

    private static func body(_ entry: JSONValue) -> [UInt8] { Base64.decode(entry["body_base64"]?.string ?? "") ?? [] }

    private static func headers(_ json: JSONValue?) -> [(name: String, value: String)] {
        (json?.object?.members ?? []).map { (name: $0.key, value: $0.value.string ?? "") }
    }

    /// Equal whatever the order of members.
    private static func isSame(_ found: JSONValue, _ wanted: JSONValue?) -> Bool {
        guard let wanted else { return false }
        // What has no canonical form equals nothing.
        guard let left = try? found.canonicalBytes(), let right = try? wanted.canonicalBytes() else { return false }
        return left == right
    }
}
