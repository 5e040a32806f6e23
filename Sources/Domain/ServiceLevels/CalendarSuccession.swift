package import Kernel

extension ServiceCalendar {
    /// This calendar, as `next` was published in its place at an instant: what the new text says governs from then on and nothing
    /// before (R12). A clock that began under this one so sees a holiday that was published while it ran.
    ///
    /// A date that the new text no longer names has the windows of its weekday again. Another zone is another calendar and no
    /// revision of this one; it is left out.
    package func followed(by next: ServiceCalendar, publishedAt: Moment) -> ServiceCalendar {
        guard zone.identifier == next.zone.identifier else { return self }
        var known = overrides
        for revision in revisions where revision.publishedAt <= publishedAt {
            known.merge(revision.overrides) { _, later in later }
        }
        var changed: [CivilDate: [ServiceWindow]] = [:]
        for date in Set(known.keys).union(next.overrides.keys) {
            let windows = next.overrides[date] ?? next.week[date.weekday] ?? []
            if known[date] != windows { changed[date] = windows }
        }
        let week = Dictionary(uniqueKeysWithValues: (1...7).map { ($0, next.week[$0] ?? []) })
        return ServiceCalendar(
            zone: zone, week: self.week, overrides: overrides,
            revisions: revisions.filter { $0.publishedAt <= publishedAt }
                + [Revision(publishedAt: publishedAt, week: week, overrides: changed)]
                + next.revisions.filter { $0.publishedAt > publishedAt })
    }

    /// The calendar and its revisions as an explain document has them, side by side.
    package var explained: (calendar: JSONValue, revisions: [JSONValue]) {
        var object = json.object ?? [:]
        object["revisions"] = nil
        return (.object(object), revisions.map(\.json))
    }
}
