package import Kernel

/// One difference between two versions of a document, at the finest place that differs.
package struct FieldChange: Sendable, Hashable {
    /// Names of members and entries from the outside in; entries of lists by their own name where they have one.
    package let path: [String]
    /// Nil when added.
    package let old: JSONValue?
    /// Nil when removed.
    package let new: JSONValue?

    package init(path: [String], old: JSONValue?, new: JSONValue?) {
        self.path = path
        self.old = old
        self.new = new
    }

    /// `people › maya-lund › approvalLimit › amount: "5000.00" becomes "20000.00"`.
    package var sentence: String {
        let place = path.isEmpty ? "the document" : path.joined(separator: " › ")
        switch (old, new) {
        case (nil, let new?): return "\(place): added \(FieldChange.short(new))"
        case (let old?, nil): return "\(place): removed \(FieldChange.short(old))"
        case (let old?, let new?): return "\(place): \(FieldChange.short(old)) becomes \(FieldChange.short(new))"
        case (nil, nil): return "\(place): the order changes"
        }
    }

    private static func short(_ value: JSONValue) -> String {
        let text = value.text
        return text.count > 120 ? String(text.prefix(119)) + "…" : text
    }
}

/// Compares two JSON values the way a person would: objects by member, lists by the names of their entries.
package enum JSONDifference {
    /// Members by which an entry of a list is known, in order of preference.
    private static let identities = ["id", "name", "code", "role", "rule", "label"]
    /// Changes reported of one document; beyond it, it is another document.
    package static let changesMax = 500

    package static func changes(from old: JSONValue, to new: JSONValue) -> [FieldChange] {
        var found: [FieldChange] = []
        compare(old, new, [], &found)
        return found
    }

    private static func compare(_ old: JSONValue, _ new: JSONValue, _ path: [String], _ found: inout [FieldChange]) {
        guard old != new || old.text != new.text, found.count < changesMax else { return }
        switch (old, new) {
        case (.object(let before), .object(let after)):
            for (key, value) in before {
                if let other = after[key] {
                    compare(value, other, path + [key], &found)
                } else {
                    found.append(FieldChange(path: path + [key], old: value, new: nil))
                }
            }
            for (key, value) in after where before[key] == nil {
                found.append(FieldChange(path: path + [key], old: nil, new: value))
            }
        case (.array(let before), .array(let after)):
            if let beforeNames = names(of: before), let afterNames = names(of: after) {
                compare(named: before, beforeNames, after, afterNames, path, &found)
            } else {
                compare(placed: before, after, path, &found)
            }
        default:
            if old != new { found.append(FieldChange(path: path, old: old, new: new)) }
        }
    }

    private static func compare(
        named before: [JSONValue], _ beforeNames: [String], _ after: [JSONValue], _ afterNames: [String], _ path: [String],
        _ found: inout [FieldChange]
    ) {
        for (index, name) in beforeNames.enumerated() {
            if let other = afterNames.firstIndex(of: name) {
                compare(before[index], after[other], path + [name], &found)
            } else {
                found.append(FieldChange(path: path + [name], old: before[index], new: nil))
            }
        }
        for (index, name) in afterNames.enumerated() where !beforeNames.contains(name) {
            found.append(FieldChange(path: path + [name], old: nil, new: after[index]))
        }
        if beforeNames.filter(afterNames.contains) != afterNames.filter(beforeNames.contains) {
            found.append(FieldChange(path: path, old: nil, new: nil))
        }
    }

    private static func compare(placed before: [JSONValue], _ after: [JSONValue], _ path: [String], _ found: inout [FieldChange])
    {
        for index in 0..<max(before.count, after.count) {
            let place = path + ["\(index + 1)"]
            if index >= before.count {
                found.append(FieldChange(path: place, old: nil, new: after[index]))
            } else if index >= after.count {
                found.append(FieldChange(path: place, old: before[index], new: nil))
            } else {
                compare(before[index], after[index], place, &found)
            }
        }
    }

    /// Distinct names of all entries: a text's own, an object's identity, a step's single member; nil when some have none.
    private static func names(of items: [JSONValue]) -> [String]? {
        let names = items.map { item -> String? in
            switch item {
            case .string(let text): return text
            case .number(let number): return number.text
            case .object(let object):
                if let identity = identities.first(where: { object[$0]?.string != nil }) { return object[identity]?.string }
                return object.count == 1 ? object.keys.first : nil
            case .null, .bool, .array: return nil
            }
        }
        let known = names.compactMap(\.self)
        return known.count == items.count && Set(known.map { Array($0.utf8) }).count == items.count ? known : nil
    }
}
