package import Kernel

/// What a digest says: everything that can wait and was gathered for one person, by tenant.
package struct DigestMessage: Sendable, Equatable {
    package struct Item: Sendable, Equatable {
        package let number: String
        package let severity: String
        package let state: String
        package let title: String
        package let why: String
        package let notedAt: Moment
        /// The place of the incident in the console.
        package let path: String

        package init(
            number: String, severity: String, state: String, title: String, why: String, notedAt: Moment, path: String
        ) {
            self.number = number
            self.severity = severity
            self.state = state
            self.title = title
            self.why = why
            self.notedAt = notedAt
            self.path = path
        }
    }

    package struct Group: Sendable, Equatable {
        package let tenant: String
        package let items: [Item]
        /// How many there are besides those listed.
        package let more: Int

        package init(tenant: String, items: [Item], more: Int = 0) {
            self.tenant = tenant
            self.items = items
            self.more = more
        }
    }

    package let id: String
    package let person: String
    package let groups: [Group]
    /// `https://console.example`, before every path; empty where the rota does not say it.
    package let console: String

    package init(id: String, person: String, groups: [Group], console: String = "") {
        self.id = id
        self.person = person
        self.groups = groups
        self.console = console
    }

    package var count: Int { groups.reduce(0) { $0 + $1.items.count + $1.more } }

    package var subject: String {
        let incidents = count == 1 ? "1 incident that can wait" : "\(count) incidents that can wait"
        return groups.count == 1 ? "\(incidents), \(groups[0].tenant)" : "\(incidents), \(groups.count) tenants"
    }

    package var text: String {
        var lines = ["For \(person). None of this is urgent, and nobody else is told of it.", ""]
        for group in groups {
            lines += [group.tenant, ""]
            for item in group.items {
                lines.append("  \(item.number)  \(item.severity)  \(item.state)  \(item.title)")
                lines.append("      \(item.notedAt.text(fraction: 0)): \(item.why)")
                lines.append("      \(console)\(item.path)")
            }
            if group.more > 0 { lines.append("  and \(group.more) more") }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    package func mail(from sender: String, to address: String, at now: Moment) -> [UInt8] {
        PageMessage.mail(id: "digest-\(id)", subject: subject, text: text, from: sender, to: address, at: now)
    }
}
