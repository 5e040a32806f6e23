package import Kernel
internal import Tenancy

/// Turns the descriptions of documents into JSON Schemas (draft 2020-12) for editors; the checks use the same descriptions.
package enum SchemaBuilder {
    package static let dialect = "https://json-schema.org/draft/2020-12/schema"

    /// Every published schema by file name, in order: `tenant.schema.json`, …
    package static func all() -> [(file: String, json: JSONValue)] {
        AssetKind.allCases.map { kind in ("\(kind.rawValue).schema.json", schema(of: kind)) }
    }

    /// The bytes of a schema file: two-space indentation and a final line break.
    package static func fileBytes(_ json: JSONValue) -> [UInt8] { Array((json.prettyText + "\n").utf8) }

    static func schema(of kind: AssetKind) -> JSONValue {
        let forms = AssetShapes.shapes(of: kind)
        let head: [(key: String, value: JSONValue)] = [
            ("$schema", .string(dialect)), ("$id", .string("https://schemas.countersign.example/\(kind.rawValue).schema.json")),
            ("title", .string(capitalised(forms.count == 1 ? forms[0].title : kind.title))),
        ]
        let body = forms.count == 1 ? object(forms[0]).object?.members ?? [] : [(key: "oneOf", value: .array(forms.map(object)))]
        let definitions = AssetShapes.definitions(of: kind).map { (key: $0.name, value: schema($0.shape)) }
        let tail: [(key: String, value: JSONValue)] = definitions.isEmpty ? [] : [("$defs", .object(JSONObject(definitions)))]
        return .object(JSONObject(head + body + tail))
    }

    private static func object(_ shape: ObjectShape) -> JSONValue {
        .object([
            "description": .string(shape.note), "type": "object", "additionalProperties": false,
            "required": required(shape),
            "properties": .object(
                JSONObject(
                    shape.members.map { member in
                        var value = schema(member.shape).object ?? JSONObject()
                        value["description"] = nil
                        return (
                            key: member.name,
                            value: .object(JSONObject([("description", .string(sentence(member.note)))] + value.members))
                        )
                    })),
        ])
    }

    private static func required(_ shape: ObjectShape) -> JSONValue? {
        let names = shape.members.filter(\.isRequired).map { JSONValue.string($0.name) }
        return names.isEmpty ? nil : .array(names)
    }

    private static func schema(_ shape: Shape) -> JSONValue {
        switch shape {
        case .text(let rule):
            return [
                "type": "string", "pattern": .string(rule.pattern), "minLength": JSONValue(rule.length.lowerBound),
                "maxLength": JSONValue(rule.length.upperBound),
            ]
        case .choice(let words):
            if words.count == 1 { return ["const": .string(words[0])] }
            return ["enum": .array(words.map(JSONValue.string))]
        case .integer(let range):
            return ["type": "integer", "minimum": JSONValue(range.lowerBound), "maximum": JSONValue(range.upperBound)]
        case .boolean:
            return ["type": "boolean"]
        case .nothing:
            return ["type": "null"]
        case .list(let element, let count):
            return [
                "type": "array", "minItems": JSONValue(count.lowerBound), "maxItems": JSONValue(count.upperBound),
                "items": schema(element),
            ]
        case .table(let keys, let values, let count):
            return [
                "type": "object", "minProperties": JSONValue(count.lowerBound), "maxProperties": JSONValue(count.upperBound),
                "propertyNames": ["pattern": .string(keys.pattern), "maxLength": JSONValue(keys.length.upperBound)],
                "additionalProperties": schema(values),
            ]
        case .object(let inner):
            return object(inner)
        case .either(let forms):
            return ["anyOf": .array(forms.map(schema))]
        case .reference(let name):
            return ["$ref": .string("#/$defs/\(name)")]
        case .anything(let note):
            return ["description": .string(sentence(note))]
        }
    }

    private static func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    /// A note as an editor shows it: a sentence.
    private static func sentence(_ note: String) -> String { capitalised(note) }
}
