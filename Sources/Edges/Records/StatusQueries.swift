package import Kernel
package import Postgres

extension Subject {
    package enum StatusComponent {}
    package enum StatusNotice {}
}

package typealias StatusComponentID = ID<Subject.StatusComponent>
package typealias StatusNoticeID = ID<Subject.StatusNotice>

/// A status page as its owner has set it up.
package struct StatusPageRow: Sendable, Equatable {
    package let tenant: TenantID
    package var address: String
    /// `off`, `anybody` or `signed-in`.
    package var audience: String
    package var title: String
    package var intro: String
    package var language: String
    package var rule: JSONValue?
    package var showsAnnounced: Bool
    package var revision: Int32
    package let madeAt: Moment
    package var changedAt: Moment
    package var changedBy: PersonID

    package init(tenant: TenantID, address: String, at now: Moment, by person: PersonID) {
        self.tenant = tenant
        self.address = address
        audience = "off"
        title = ""
        intro = ""
        language = "en"
        showsAnnounced = false
        revision = 1
        madeAt = now
        changedAt = now
        changedBy = person
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        address = try row.get("address", as: String.self)
        audience = try row.get("audience", as: String.self)
        title = try row.get("title", as: String.self)
        intro = try row.get("intro", as: String.self)
        language = try row.get("language", as: String.self)
        rule = try row.get("rule", as: JSONValue?.self)
        showsAnnounced = try row.get("shows_announced", as: Bool.self)
        revision = try row.get("revision", as: Int32.self)
        madeAt = try row.get("made_at", as: Moment.self)
        changedAt = try row.get("changed_at", as: Moment.self)
        changedBy = try row.get("changed_by", as: PersonID.self)
    }
}

package struct StatusComponentRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: StatusComponentID
    package var position: Int32
    package var name: String
    package var description: String
    package var source: String
    package var subject: String
    package var setState: String?
    package var setUntil: Moment?
    package var setBy: PersonID?
    package var setByName: String?
    package var setAt: Moment?
    package let madeAt: Moment
    package var retiredAt: Moment?

    package init(tenant: TenantID, id: StatusComponentID, position: Int32, name: String, at now: Moment) {
        self.tenant = tenant
        self.id = id
        self.position = position
        self.name = name
        description = ""
        source = "hand"
        subject = ""
        madeAt = now
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: StatusComponentID.self)
        position = try row.get("position", as: Int32.self)
        name = try row.get("name", as: String.self)
        description = try row.get("description", as: String.self)
        source = try row.get("source", as: String.self)
        subject = try row.get("subject", as: String.self)
        setState = try row.get("set_state", as: String?.self)
        setUntil = try row.get("set_until", as: Moment?.self)
        setBy = try row.get("set_by", as: PersonID?.self)
        setByName = try row.get("set_by_name", as: String?.self)
        setAt = try row.get("set_at", as: Moment?.self)
        madeAt = try row.get("made_at", as: Moment.self)
        retiredAt = try row.get("retired_at", as: Moment?.self)
    }
}

package struct StatusNoticeRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: StatusNoticeID
    package let kind: String
    package var title: String
    package var impact: String
    package var components: [StatusComponentID]
    package let incident: IncidentID?
    package var startsAt: Moment?
    package var endsAt: Moment?
    package let madeAt: Moment
    package let madeBy: PersonID?
    package var publishedAt: Moment?
    package var resolvedAt: Moment?

    package init(
        tenant: TenantID, id: StatusNoticeID, kind: String, title: String, impact: String, components: [StatusComponentID],
        incident: IncidentID?, at now: Moment, by person: PersonID?
    ) {
        self.tenant = tenant
        self.id = id
        self.kind = kind
        self.title = title
        self.impact = impact
        self.components = components
        self.incident = incident
        madeAt = now
        madeBy = person
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: StatusNoticeID.self)
        kind = try row.get("kind", as: String.self)
        title = try row.get("title", as: String.self)
        impact = try row.get("impact", as: String.self)
        components = (try row.get("components", as: JSONValue.self).array ?? []).compactMap { json in
            json.string.flatMap { StatusComponentID($0) }
        }
        incident = try row.get("incident_id", as: IncidentID?.self)
        startsAt = try row.get("starts_at", as: Moment?.self)
        endsAt = try row.get("ends_at", as: Moment?.self)
        madeAt = try row.get("made_at", as: Moment.self)
        madeBy = try row.get("made_by", as: PersonID?.self)
        publishedAt = try row.get("published_at", as: Moment?.self)
        resolvedAt = try row.get("resolved_at", as: Moment?.self)
    }
}

/// One update with one of its wordings.
package struct StatusUpdateRow: Sendable, Equatable {
    package let notice: StatusNoticeID
    package let number: Int32
    package let phase: String
    package let madeAt: Moment
    package let madeBy: PersonID?
    package let publishedAt: Moment?
    package let wording: Int32
    package let text: String
    package let wordedAt: Moment
    package let wordedBy: PersonID?

    package init(_ row: Row) throws {
        notice = try row.get("notice_id", as: StatusNoticeID.self)
        number = try row.get("number", as: Int32.self)
        phase = try row.get("phase", as: String.self)
        madeAt = try row.get("made_at", as: Moment.self)
        madeBy = try row.get("made_by", as: PersonID?.self)
        publishedAt = try row.get("published_at", as: Moment?.self)
        wording = try row.get("wording", as: Int32.self)
        text = try row.get("text", as: String.self)
        wordedAt = try row.get("at", as: Moment.self)
        wordedBy = try row.get("by_id", as: PersonID?.self)
    }
}

package struct StatusSpanRow: Sendable, Equatable {
    package let component: StatusComponentID
    package let from: Moment
    package let to: Moment
    package let state: String

    package init(_ row: Row) throws {
        component = try row.get("component_id", as: StatusComponentID.self)
        from = try row.get("from_at", as: Moment.self)
        to = try row.get("to_at", as: Moment.self)
        state = try row.get("state", as: String.self)
    }
}

package enum StatusQueries {
    private static let pageColumns: SQL = """
        p.tenant_id, p.address, p.audience, p.title, p.intro, p.language, p.rule, p.shows_announced, p.revision,
        p.made_at, p.changed_at, p.changed_by
        """
    private static let componentColumns: SQL = """
        c.tenant_id, c.id, c.position, c.name, c.description, c.source, c.subject, c.set_state, c.set_until, c.set_by,
        c.set_by_name, c.set_at, c.made_at, c.retired_at
        """
    private static let noticeColumns: SQL = """
        n.tenant_id, n.id, n.kind, n.title, n.impact, n.components, n.incident_id, n.starts_at, n.ends_at, n.made_at, n.made_by,
        n.published_at, n.resolved_at
        """

    // MARK: Pages

    /// Whose page it is and for whom (`tenant_id`, `audience`); asked before anybody is known.
    package static func owner(address: String) -> SQL {
        "SELECT p.tenant_id, p.audience FROM status_page p WHERE p.address = \(address)"
    }

    /// The owners of all pages that are shown to somebody (`tenant_id`).
    package static func shown(limit: Int) -> SQL {
        "SELECT p.tenant_id FROM status_page p WHERE p.audience <> 'off' ORDER BY p.tenant_id LIMIT \(limit)"
    }

    package static func page(tenant: TenantID) -> SQL {
        "SELECT \(pageColumns) FROM status_page p WHERE p.tenant_id = \(tenant)"
    }

    /// Everything that changes a page's content holds it, so that numbers and bounds are true.
    package static func lockPage(tenant: TenantID) -> SQL {
        "SELECT \(pageColumns) FROM status_page p WHERE p.tenant_id = \(tenant) FOR UPDATE"
    }

    /// One row (`revision`) when there was no page.
    package static func insert(_ row: StatusPageRow) -> SQL {
        """
        INSERT INTO status_page (tenant_id, address, audience, title, intro, language, rule, shows_announced, revision, made_at,
                                 changed_at, changed_by)
        VALUES (\(row.tenant), \(row.address), \(row.audience), \(row.title), \(row.intro), \(row.language),
                \(optional: row.rule), \(row.showsAnnounced), \(row.revision), \(row.madeAt), \(row.changedAt), \(row.changedBy))
        ON CONFLICT DO NOTHING RETURNING revision
        """
    }

    /// One row (`revision`) when the page still was of the revision before.
    package static func update(_ row: StatusPageRow, from revision: Int32) -> SQL {
        """
        UPDATE status_page SET address = \(row.address), audience = \(row.audience), title = \(row.title),
            intro = \(row.intro), language = \(row.language), rule = \(optional: row.rule),
            shows_announced = \(row.showsAnnounced), revision = \(row.revision), changed_at = \(row.changedAt),
            changed_by = \(row.changedBy)
        WHERE tenant_id = \(row.tenant) AND revision = \(revision) RETURNING revision
        """
    }

    // MARK: Components

    package static func components(tenant: TenantID) -> SQL {
        """
        SELECT \(componentColumns) FROM status_component c WHERE c.tenant_id = \(tenant) AND c.retired_at IS NULL
        ORDER BY c.position, c.made_at, c.id LIMIT 200
        """
    }

    /// One row (`id`) when no other component that is shown has the name.
    package static func insert(_ row: StatusComponentRow) -> SQL {
        """
        INSERT INTO status_component (tenant_id, id, position, name, description, source, subject, made_at)
        VALUES (\(row.tenant), \(row.id), \(row.position), \(row.name), \(row.description), \(row.source), \(row.subject),
                \(row.madeAt))
        ON CONFLICT DO NOTHING RETURNING id
        """
    }

    package static func update(_ row: StatusComponentRow) -> SQL {
        """
        UPDATE status_component SET position = \(row.position), name = \(row.name), description = \(row.description),
            source = \(row.source), subject = \(row.subject), set_state = \(optional: row.setState),
            set_until = \(optional: row.setUntil), set_by = \(optional: row.setBy), set_by_name = \(optional: row.setByName),
            set_at = \(optional: row.setAt), retired_at = \(optional: row.retiredAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    // MARK: History

    package static func spans(tenant: TenantID, since: Moment, limit: Int) -> SQL {
        """
        SELECT s.component_id, s.from_at, s.to_at, s.state FROM status_span s
        WHERE s.tenant_id = \(tenant) AND s.to_at >= \(since) ORDER BY s.component_id, s.from_at LIMIT \(limit)
        """
    }

    /// Carries the last span of a component on to now where it has the same state and was looked at lately, and begins another
    /// one otherwise. A changed state begins where the last look was, so that no time is lost between two looks.
    package static func look(
        tenant: TenantID, component: StatusComponentID, state: String, at now: Moment, gapSince: Moment
    ) -> SQL {
        """
        WITH last AS (
            SELECT from_at, to_at, state FROM status_span
            WHERE tenant_id = \(tenant) AND component_id = \(component) ORDER BY from_at DESC LIMIT 1
        ), carried AS (
            UPDATE status_span s SET to_at = greatest(s.to_at, \(now)) FROM last
            WHERE s.tenant_id = \(tenant) AND s.component_id = \(component) AND s.from_at = last.from_at
              AND last.state = \(state) AND last.to_at >= \(gapSince) RETURNING s.from_at
        )
        INSERT INTO status_span (tenant_id, component_id, from_at, to_at, state)
        SELECT \(tenant), \(component),
            coalesce((SELECT l.to_at FROM last l WHERE l.to_at >= \(gapSince) AND l.to_at > l.from_at), \(now)),
            \(now), \(state)
        WHERE NOT EXISTS (SELECT 1 FROM carried)
        ON CONFLICT (tenant_id, component_id, from_at) DO UPDATE SET state = excluded.state, to_at = excluded.to_at
        """
    }

    package static func forget(tenant: TenantID, before: Moment) -> SQL {
        "DELETE FROM status_span WHERE tenant_id = \(tenant) AND to_at < \(before)"
    }

    // MARK: Notices

    package static func insert(_ row: StatusNoticeRow) -> SQL {
        let components = JSONValue.array(row.components.map { .string($0.text) })
        return """
            INSERT INTO status_notice (tenant_id, id, kind, title, impact, components, incident_id, starts_at, ends_at, made_at,
                                       made_by)
            VALUES (\(row.tenant), \(row.id), \(row.kind), \(row.title), \(row.impact), \(components),
                    \(optional: row.incident), \(optional: row.startsAt), \(optional: row.endsAt), \(row.madeAt),
                    \(optional: row.madeBy))
            ON CONFLICT DO NOTHING RETURNING id
            """
    }

    package static func update(_ row: StatusNoticeRow) -> SQL {
        let components = JSONValue.array(row.components.map { .string($0.text) })
        return """
            UPDATE status_notice SET title = \(row.title), impact = \(row.impact), components = \(components),
                starts_at = \(optional: row.startsAt), ends_at = \(optional: row.endsAt),
                published_at = \(optional: row.publishedAt), resolved_at = \(optional: row.resolvedAt)
            WHERE tenant_id = \(row.tenant) AND id = \(row.id)
            """
    }

    package static func notice(tenant: TenantID, id: StatusNoticeID) -> SQL {
        "SELECT \(noticeColumns) FROM status_notice n WHERE n.tenant_id = \(tenant) AND n.id = \(id)"
    }

    package static func notice(tenant: TenantID, incident: IncidentID) -> SQL {
        "SELECT \(noticeColumns) FROM status_notice n WHERE n.tenant_id = \(tenant) AND n.incident_id = \(incident)"
    }

    /// Newest first.
    package static func notices(
        tenant: TenantID, openOnly: Bool, publishedOnly: Bool, before: (Moment, StatusNoticeID)?, limit: Int
    ) -> SQL {
        let open: SQL = openOnly ? "AND n.resolved_at IS NULL" : ""
        let published: SQL = publishedOnly ? "AND n.published_at IS NOT NULL" : ""
        let cursor: SQL = before.map { "AND (n.made_at, n.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(noticeColumns) FROM status_notice n WHERE n.tenant_id = \(tenant) \(open) \(published) \(cursor)
            ORDER BY n.made_at DESC, n.id DESC LIMIT \(limit)
            """
    }

    // MARK: Updates

    /// Of several notices, each update in its last wording, oldest first.
    package static func updates(tenant: TenantID, notices: [StatusNoticeID], publishedOnly: Bool) -> SQL {
        let published: SQL = publishedOnly ? "AND u.published_at IS NOT NULL" : ""
        return """
            SELECT DISTINCT ON (u.notice_id, u.number) u.notice_id, u.number, u.phase, u.made_at, u.made_by, u.published_at,
                w.wording, w.text, w.at, w.by_id
            FROM status_update u JOIN status_wording w USING (tenant_id, notice_id, number)
            WHERE u.tenant_id = \(tenant) AND u.notice_id = ANY(\(notices)) \(published)
            ORDER BY u.notice_id, u.number, w.wording DESC
            """
    }

    /// Every wording that an update ever had, oldest first.
    package static func wordings(tenant: TenantID, notice: StatusNoticeID) -> SQL {
        """
        SELECT u.notice_id, u.number, u.phase, u.made_at, u.made_by, u.published_at, w.wording, w.text, w.at, w.by_id
        FROM status_update u JOIN status_wording w USING (tenant_id, notice_id, number)
        WHERE u.tenant_id = \(tenant) AND u.notice_id = \(notice) ORDER BY u.number, w.wording
        """
    }

    package static func addUpdate(
        tenant: TenantID, notice: StatusNoticeID, number: Int32, phase: String, by person: PersonID?, at now: Moment,
        publishedAt: Moment?
    ) -> SQL {
        """
        INSERT INTO status_update (tenant_id, notice_id, number, phase, made_at, made_by, published_at)
        VALUES (\(tenant), \(notice), \(number), \(phase), \(now), \(optional: person), \(optional: publishedAt))
        """
    }

    package static func addWording(
        tenant: TenantID, notice: StatusNoticeID, number: Int32, wording: Int32, text: String, by person: PersonID?,
        at now: Moment
    ) -> SQL {
        """
        INSERT INTO status_wording (tenant_id, notice_id, number, wording, text, at, by_id)
        VALUES (\(tenant), \(notice), \(number), \(wording), \(text), \(now), \(optional: person))
        """
    }

    package static func publishUpdate(tenant: TenantID, notice: StatusNoticeID, number: Int32, at now: Moment) -> SQL {
        """
        UPDATE status_update SET published_at = \(now)
        WHERE tenant_id = \(tenant) AND notice_id = \(notice) AND number = \(number) AND published_at IS NULL RETURNING number
        """
    }

    // MARK: Evidence

    /// Open incidents with what they are about: `severity`, `state`, `connection`, `workflow` and `id`.
    package static func openIncidents(tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT i.id, i.severity, i.state, i.facts->>'connection' AS connection,
            coalesce(i.facts->>'workflow', r.workflow) AS workflow
        FROM incident i LEFT JOIN run r ON r.tenant_id = i.tenant_id AND r.id = i.run_id
        WHERE i.tenant_id = \(tenant) AND i.state <> 'resolved' ORDER BY i.opened_at DESC, i.id DESC LIMIT \(limit)
        """
    }

    /// Notices that the rule made whose incident is over (`id`).
    package static func ended(tenant: TenantID) -> SQL {
        """
        SELECT n.id FROM status_notice n JOIN incident i ON i.tenant_id = n.tenant_id AND i.id = n.incident_id
        WHERE n.tenant_id = \(tenant) AND n.resolved_at IS NULL AND n.made_by IS NULL AND i.state = 'resolved'
        ORDER BY n.id LIMIT 50
        """
    }
}
