package import Kernel

/// An XML document as one JSON value, for callers in other processes that must not hold an XML parser themselves.
///
/// `{tree}` or `{failure: {reason, message, line, column}}`. An element is `{n, s?, a?, t?, l, c, x?}`: local name, namespace
/// where it differs from the parent's, attributes by local name, text, line, column and elements inside.
package enum XMLOutlining {
    package static let bytesMax = 4_194_304
    package static let elementsMax = 50_000
    package static let depthMax = 100

    package static func outline(_ bytes: [UInt8]) -> JSONValue {
        var limits = XMLLimits()
        limits.bytesMax = bytesMax
        limits.nodesMax = elementsMax
        limits.depthMax = depthMax
        do throws(XMLFailure) {
            let tree = try XMLTree(bytes, limits: limits)
            return .object(["tree": element(0, of: tree, inside: "")])
        } catch {
            return .object([
                "failure": [
                    "reason": .string(error.reason), "message": .string(error.message), "line": JSONValue(error.line),
                    "column": JSONValue(error.column),
                ]
            ])
        }
    }

    /// The depth is bounded by the reading of the tree.
    private static func element(_ index: Int, of tree: XMLTree, inside outer: String) -> JSONValue {
        let node = tree.nodes[index]
        let name = tree.names[Int(node.name)]
        var members: JSONObject = ["n": .string(name.local)]
        if name.space != outer { members["s"] = .string(name.space) }
        var attributes: JSONObject = [:]
        // An attribute without namespace is the one meant when two share their local name.
        for attribute in tree.attributes[node.attributes] {
            let key = tree.names[Int(attribute.name)]
            if key.space.isEmpty || attributes[key.local] == nil {
                attributes[key.local] = .string(String(decoding: tree.text[attribute.value], as: UTF8.self))
            }
        }
        if !attributes.isEmpty { members["a"] = .object(attributes) }
        if !node.text.isEmpty { members["t"] = .string(String(decoding: tree.text[node.text], as: UTF8.self)) }
        members["l"] = JSONValue(Int(node.line))
        members["c"] = JSONValue(Int(node.column))
        var children: [JSONValue] = []
        var at = node.firstChild
        while at >= 0 {
            children.append(element(Int(at), of: tree, inside: name.space))
            at = tree.nodes[Int(at)].nextSibling
        }
        if !children.isEmpty { members["x"] = .array(children) }
        return .object(members)
    }
}
