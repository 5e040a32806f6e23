internal import CXML

/// Why an XML document could not be read, and where.
package struct XMLFailure: Error, Sendable, Equatable {
    /// Stable, such as `xml.doctype`.
    package let reason: String
    package let message: String
    package let line: Int
    package let column: Int
}

/// Bounds of one XML document; beyond them it is refused, never cut.
package struct XMLLimits: Sendable {
    package var bytesMax = 25 * 1024 * 1024
    package var depthMax = 100
    package var nodesMax = 1_000_000
    package var attributesMax = 256
    package var textBytesMax = 24 * 1024 * 1024

    package init() {}
}

/// One XML document, read whole and never changed. Elements keep line and column of their start tag.
///
/// Only elements, attributes and the text of elements without children are kept: that is all business documents use. Comments
/// and processing instructions are gone, CDATA is text.
package final class XMLTree: Sendable {
    let nodes: [Node]
    let attributes: [Attribute]
    let names: [Name]
    let text: [UInt8]

    struct Node: Sendable {
        let name: Int32
        let parent: Int32
        let firstChild: Int32
        let nextSibling: Int32
        let text: Range<Int>
        let line: Int32
        let column: Int32
        let attributes: Range<Int>
    }

    struct Attribute: Sendable {
        let name: Int32
        let value: Range<Int>
    }

    struct Name: Sendable, Equatable {
        let local: String
        let space: String
    }

    /// Reads any bytes; the encoding comes from the byte order mark or the declaration (UTF-8, UTF-16 and a few of Latin).
    package init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLFailure) {
        var bounds = cxml_limits(
            bytes_max: limits.bytesMax, depth_max: Int32(limits.depthMax), nodes_max: Int32(limits.nodesMax),
            attributes_max: Int32(limits.attributesMax), text_max: limits.textBytesMax)
        var raw = cxml_tree()
        let status = bytes.withUnsafeBufferPointer { cxml_read($0.baseAddress, $0.count, &bounds, &raw) }
        defer { cxml_free(&raw) }
        guard status == CXML_OK else { throw XMLTree.failure(status, raw) }
        nodes = UnsafeBufferPointer(start: raw.nodes, count: Int(raw.node_count)).map { node in
            Node(
                name: node.name, parent: node.parent, firstChild: node.first_child, nextSibling: node.next_sibling,
                text: Int(node.text_start)..<Int(node.text_start) + Int(node.text_length), line: node.line, column: node.column,
                attributes: Int(node.attribute_start)..<Int(node.attribute_start + node.attribute_count))
        }
        attributes = UnsafeBufferPointer(start: raw.attributes, count: Int(raw.attribute_count)).map { attribute in
            Attribute(
                name: attribute.name,
                value: Int(attribute.value_start)..<Int(attribute.value_start) + Int(attribute.value_length))
        }
        let nameText = UnsafeBufferPointer(start: raw.name_text, count: raw.name_text_length)
        func part(_ start: UInt32, _ length: UInt32) -> String {
            String(decoding: nameText[Int(start)..<Int(start) + Int(length)], as: UTF8.self)
        }
        names = UnsafeBufferPointer(start: raw.names, count: Int(raw.name_count)).map { name in
            Name(local: part(name.local_start, name.local_length), space: part(name.space_start, name.space_length))
        }
        text = Array(UnsafeBufferPointer(start: raw.text, count: raw.text_length))
    }

    /// Local name and namespace of the root.
    package var rootName: (local: String, space: String) {
        let name = names[Int(nodes[0].name)]
        return (name.local, name.space)
    }

    private static func failure(_ status: cxml_status, _ raw: cxml_tree) -> XMLFailure {
        let reason: String
        switch status {
        case CXML_DOCTYPE: reason = "xml.doctype"
        case CXML_ENCODING: reason = "xml.encoding"
        case CXML_TOO_LARGE: reason = "xml.bytes"
        case CXML_TOO_DEEP: reason = "xml.depth"
        case CXML_TOO_MANY_NODES: reason = "xml.elements"
        case CXML_TOO_MANY_ATTRIBUTES: reason = "xml.attributes"
        case CXML_TEXT_TOO_LONG: reason = "xml.text"
        case CXML_NO_MEMORY: reason = "xml.memory"
        default: reason = "xml.malformed"
        }
        let message = withUnsafeBytes(of: raw.error_message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return XMLFailure(
            reason: reason, message: trimmed(message[...]), line: Int(max(raw.error_line, 1)),
            column: Int(max(raw.error_column, 1)))
    }
}

/// A tree seen with the prefixes of our choice, so that `cbc:ID` finds the element whatever prefix the sender bound.
final class XMLView: Sendable {
    let tree: XMLTree
    private let ids: [String: Int32]
    private let attributeIds: [String: Int32]

    init(_ tree: XMLTree, prefixes: [String: String]) {
        self.tree = tree
        let byspace = Dictionary(uniqueKeysWithValues: prefixes.map { ($0.value, $0.key) })
        var ids: [String: Int32] = [:]
        var attributeIds: [String: Int32] = [:]
        for (index, name) in tree.names.enumerated() {
            if let prefix = byspace[name.space] { ids[prefix + ":" + name.local] = Int32(index) }
            if name.space.isEmpty { attributeIds[name.local] = Int32(index) }
        }
        self.ids = ids
        self.attributeIds = attributeIds
    }

    var root: XMLNode { XMLNode(view: self, index: 0) }
    func id(_ name: String) -> Int32? { ids[name] }
    func attributeId(_ name: String) -> Int32? { attributeIds[name] }
}

/// One element in a view.
struct XMLNode: Sendable {
    let view: XMLView
    let index: Int32

    private var node: XMLTree.Node { view.tree.nodes[Int(index)] }
    var line: Int { Int(node.line) }
    var column: Int { Int(node.column) }

    /// The text without white space around it.
    var text: String { trimmed(bytes) }
    var bytes: ArraySlice<UInt8> { view.tree.text[node.text] }

    /// `/Invoice/LegalMonetaryTotal/PayableAmount`: local names from the root.
    var path: String {
        var parts: [String] = []
        var at = index
        while at >= 0 {
            parts.append(view.tree.names[Int(view.tree.nodes[Int(at)].name)].local)
            at = view.tree.nodes[Int(at)].parent
        }
        return "/" + parts.reversed().joined(separator: "/")
    }

    /// The first element along the path of names, each the first of its name.
    func at(_ names: String...) -> XMLNode? {
        var here = self
        for name in names {
            guard let next = here.first(name) else { return nil }
            here = next
        }
        return here
    }

    /// All children of a name, in order.
    func all(_ name: String) -> [XMLNode] {
        guard let id = view.id(name) else { return [] }
        var out: [XMLNode] = []
        var at = node.firstChild
        while at >= 0 {
            let child = view.tree.nodes[Int(at)]
            if child.name == id { out.append(XMLNode(view: view, index: at)) }
            at = child.nextSibling
        }
        return out
    }

    private func first(_ name: String) -> XMLNode? {
        guard let id = view.id(name) else { return nil }
        var at = node.firstChild
        while at >= 0 {
            let child = view.tree.nodes[Int(at)]
            if child.name == id { return XMLNode(view: view, index: at) }
            at = child.nextSibling
        }
        return nil
    }

    /// The value of an attribute without namespace; nil when absent or empty.
    func attribute(_ name: String) -> String? {
        guard let id = view.attributeId(name) else { return nil }
        for attribute in view.tree.attributes[node.attributes] where attribute.name == id {
            let value = trimmed(view.tree.text[attribute.value])
            return value.isEmpty ? nil : value
        }
        return nil
    }
}

/// Without the white space of XML at both ends.
func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
    var slice = bytes
    while let first = slice.first, isXMLSpace(first) { slice.removeFirst() }
    while let last = slice.last, isXMLSpace(last) { slice.removeLast() }
    return String(decoding: slice, as: UTF8.self)
}

func trimmed(_ text: Substring) -> String { trimmed(Array(text.utf8)[...]) }

func isXMLSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
