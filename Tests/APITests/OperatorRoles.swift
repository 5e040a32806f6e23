import Kernel
import Tenancy

/// The roles of the operator's committed file, read by the few lines of YAML that it uses.
enum OperatorRoles {
    static func json(from file: String = #filePath) throws -> [JSONValue] {
        let root = "/" + file.split(separator: "/").dropLast(3).joined(separator: "/")
        let bytes = try FileBytes.read("\(root)/Tenants/operator/operator.yaml", maxBytes: 1_000_000)
        var roles: [JSONObject] = []
        var isInPermissions = false
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init) {
            let text = line.drop { $0 == " " }
            guard !text.hasPrefix("#"), line.hasPrefix("  ") else { continue }
            if text.hasPrefix("- name: ") {
                roles.append(["name": .string(String(text.dropFirst(8))), "permissions": []])
                isInPermissions = false
            } else if text.hasPrefix("permissions:"), !roles.isEmpty {
                let list = text.dropFirst(12).filter { $0 != "[" && $0 != "]" && $0 != " " }
                roles[roles.count - 1]["permissions"] = .array(list.split(separator: ",").map { .string(String($0)) })
                isInPermissions = true
            } else if isInPermissions, text.hasPrefix("- "), !roles.isEmpty {
                let known = roles[roles.count - 1]["permissions"]?.array ?? []
                roles[roles.count - 1]["permissions"] = .array(known + [.string(String(text.dropFirst(2)))])
            } else if let colon = text.firstIndex(of: ":"), !roles.isEmpty {
                let value = text[text.index(after: colon)...].drop { $0 == " " }
                roles[roles.count - 1][String(text[..<colon])] = .string(String(value))
            }
        }
        return roles.map(JSONValue.object)
    }

    static func document() throws -> JSONValue {
        [
            "kind": "operator", "slug": "northgate", "name": "Northgate", "legalName": "Northgate Ltd", "locale": "en",
            "timezone": "Europe/London", "roles": .array(try json()),
        ]
    }

    static func roles() throws -> [Role] {
        var issues: [AssetIssue] = []
        let document = OperatorDocument.parse(try document(), issues: &issues)
        guard let document, issues.isEmpty else { throw Fault("reading the operator's roles", "\(issues)", isRetryable: false) }
        return document.roles
    }
}
