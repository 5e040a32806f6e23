package import Kernel
internal import ServiceLevels

/// Which tenants something is about: some, or all but some.
package struct TenantSelection: Sendable, Hashable {
    package static let namesMax = 1000

    package let tenants: Set<String>
    package let partners: Set<String>
    package let except: Set<String>

    package init(tenants: Set<String> = [], partners: Set<String> = [], except: Set<String> = []) {
        self.tenants = tenants
        self.partners = partners
        self.except = except
    }

    package static let everybody = TenantSelection()

    /// An exclusion beats everything; without tenants and partners it is about all that are not excluded.
    package func includes(tenant: String, partner: String?) -> Bool {
        guard !except.contains(tenant) else { return false }
        if tenants.isEmpty, partners.isEmpty { return true }
        return tenants.contains(tenant) || partner.map { partners.contains($0) } ?? false
    }

    static let members: [ObjectShape.Member] = [
        optional("tenants", .list(of: .text(.slug), count: 1...namesMax), "only these tenants, and those of `partners`."),
        optional("partners", .list(of: .text(.slug), count: 1...namesMax), "the tenants of these partners."),
        optional("except", .list(of: .text(.slug), count: 1...namesMax), "never these tenants, whatever else is said."),
    ]

    init(_ json: JSONValue) {
        let fields = Fields(json)
        self.init(
            tenants: Set(fields.texts("tenants")), partners: Set(fields.texts("partners")), except: Set(fields.texts("except")))
    }
}

/// What can wait is gathered for some people and told together at chosen times.
package struct DigestRule: Sendable, Hashable {
    package static let rulesMax = 20
    package static let timesMax = 12

    package let title: String
    /// Slugs of the operator's people.
    package let people: [String]
    /// Wall times of the rota's zone, seconds of the day, in order.
    package let times: [Int]
    /// ISO weekdays, 1 is Monday.
    package let days: Set<Int>
    package let selection: TenantSelection

    package init(
        title: String, people: [String], times: [Int], days: Set<Int> = Set(1...7), selection: TenantSelection = .everybody
    ) {
        self.title = title
        self.people = people
        self.times = times.sorted()
        self.days = days
        self.selection = selection
    }

    /// The last time that has come; nil when none has in the week before.
    package func lastDue(at now: Moment, zone: ZoneRules) -> Moment? {
        let today = zone.localTime(at: now).date
        for back in -1...8 {
            let date = today.adding(days: -back)
            guard days.contains(date.weekday) else { continue }
            if let due = times.reversed().map({ zone.instant(of: date, secondOfDay: $0) }).first(where: { $0 <= now }) {
                return due
            }
        }
        return nil
    }

    /// The next time that comes; nil when none does within the week after.
    package func nextDue(after now: Moment, zone: ZoneRules) -> Moment? {
        let today = zone.localTime(at: now).date
        for ahead in 0...8 {
            let date = today.adding(days: ahead)
            guard days.contains(date.weekday) else { continue }
            if let due = times.map({ zone.instant(of: date, secondOfDay: $0) }).first(where: { $0 > now }) { return due }
        }
        return nil
    }

    static let shape = ObjectShape(
        "a digest", "What is not urgent, gathered for some people and mailed to each of them at these times.",
        [
            required("title", .text(.line), "what it is called."),
            required("people", .list(of: .text(.slug), count: 1...OnCallDocument.peopleMax), "ids of the operator's people."),
            required("at", .list(of: .text(.wallTime), count: 1...timesMax), "wall times of the rota's zone."),
            optional(
                "days", .list(of: .choice(ServiceCalendar.weekdays), count: 1...7), "weekdays; all of them unless given."),
        ] + TenantSelection.members)

    init(_ json: JSONValue) {
        let fields = Fields(json)
        let days = fields.texts("days").compactMap { ServiceCalendar.weekdays.firstIndex(of: $0).map { $0 + 1 } }
        self.init(
            title: fields.text("title"), people: fields.texts("people"),
            times: fields.texts("at").compactMap { ServiceWindow.secondOfDay($0) },
            days: days.isEmpty ? Set(1...7) : Set(days), selection: TenantSelection(json))
    }
}
