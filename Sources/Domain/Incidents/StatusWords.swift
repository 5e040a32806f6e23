package import Kernel

/// Languages that the fixed words of a status page are written in.
package enum StatusLanguage: String, Sendable, Hashable, CaseIterable {
    case en, de, fr
}

/// The fixed words of a status page, and what an update may begin with, by language.
package struct StatusWords: Sendable {
    package let language: StatusLanguage

    package init(_ language: StatusLanguage) { self.language = language }

    private func pick(_ en: String, _ de: String, _ fr: String) -> String {
        switch language {
        case .en: en
        case .de: de
        case .fr: fr
        }
    }

    package func word(_ state: StatusState?) -> String {
        switch state {
        case nil: pick("No data", "Keine Daten", "Aucune donnée")
        case .operational?: pick("Operational", "In Betrieb", "Opérationnel")
        case .degraded?: pick("Degraded", "Eingeschränkt", "Dégradé")
        case .partialOutage?: pick("Partial outage", "Teilausfall", "Panne partielle")
        case .majorOutage?: pick("Major outage", "Ausfall", "Panne majeure")
        case .maintenance?: pick("Maintenance", "Wartung", "Maintenance")
        }
    }

    package func word(_ phase: StatusPhase) -> String {
        switch phase {
        case .investigating: pick("Investigating", "Wird untersucht", "En cours d’analyse")
        case .identified: pick("Identified", "Ursache gefunden", "Cause identifiée")
        case .monitoring: pick("Monitoring", "Wird beobachtet", "Sous surveillance")
        case .resolved: pick("Resolved", "Behoben", "Résolu")
        case .scheduled: pick("Scheduled", "Geplant", "Planifié")
        case .inProgress: pick("In progress", "Läuft", "En cours")
        case .completed: pick("Completed", "Abgeschlossen", "Terminé")
        }
    }

    package func word(_ impact: StatusImpact) -> String {
        switch impact {
        case .none: pick("No effect", "Keine Auswirkung", "Sans effet")
        case .minor: pick("Minor", "Gering", "Mineur")
        case .major: pick("Major", "Erheblich", "Majeur")
        case .critical: pick("Critical", "Kritisch", "Critique")
        }
    }

    /// The sentence above everything: the worst of the components.
    package func summary(_ worst: StatusState?) -> String {
        switch worst {
        case nil: pick("Nothing is known yet", "Noch ist nichts bekannt", "Rien n’est encore connu")
        case .operational?: pick("Everything works", "Alles läuft", "Tout fonctionne")
        case .degraded?: pick("Something works less well", "Es gibt Einschränkungen", "Fonctionnement dégradé")
        case .partialOutage?: pick("Part of the service is down", "Ein Teil ist ausgefallen", "Une partie est en panne")
        case .majorOutage?: pick("The service is disrupted", "Der Dienst ist gestört", "Le service est perturbé")
        case .maintenance?: pick("Planned work is under way", "Geplante Arbeiten laufen", "Travaux planifiés en cours")
        }
    }

    package var components: String { pick("Components", "Komponenten", "Composants") }
    package var current: String { pick("Current disruptions", "Aktuelle Störungen", "Perturbations en cours") }
    package var noneNow: String { pick("There is none.", "Keine.", "Aucune.") }
    package var planned: String { pick("Planned maintenance", "Geplante Wartung", "Maintenance planifiée") }
    package var past: String { pick("Past notices", "Frühere Meldungen", "Avis passés") }
    package var noPast: String { pick("There are none yet.", "Noch keine.", "Aucun pour l’instant.") }
    package var older: String { pick("Older", "Ältere", "Plus anciens") }
    package var newest: String { pick("Newest", "Neueste", "Plus récents") }
    package var feed: String { pick("Feed", "Feed", "Flux") }
    package var history: String { pick("Day by day", "Tag für Tag", "Jour par jour") }
    package var day: String { pick("Day (UTC)", "Tag (UTC)", "Jour (UTC)") }
    package var worstOfDay: String { pick("Worst", "Schlechtester Stand", "Pire état") }
    package var down: String { pick("Minutes down", "Minuten Ausfall", "Minutes de panne") }
    package var affects: String { pick("Affects", "Betrifft", "Concerne") }
    package var setByHand: String { pick("set by hand", "von Hand gesetzt", "défini à la main") }

    package func asOf(_ time: String) -> String { pick("As of \(time).", "Stand \(time).", "État à \(time).") }
    package func edited(_ time: String) -> String {
        pick("edited \(time)", "geändert \(time)", "modifié \(time)")
    }
    package func until(_ time: String) -> String { pick("until \(time)", "bis \(time)", "jusqu’à \(time)") }
    package func stale(_ time: String) -> String {
        pick(
            "The current state cannot be read now. This was true at \(time).",
            "Der jetzige Stand ist gerade nicht lesbar. So war es um \(time).",
            "L’état actuel n’est pas lisible pour l’instant. Voici celui de \(time).")
    }
    package func uptime(_ share: String?, days: Int, hours: Int64) -> String {
        guard let share else { return pick("No data yet", "Noch keine Daten", "Pas encore de données") }
        return pick(
            "\(share) up, from \(hours) h measured in \(days) days",
            "\(share) verfügbar, aus \(hours) gemessenen Stunden in \(days) Tagen",
            "\(share) disponible, sur \(hours) h mesurées en \(days) jours")
    }

    /// The title of a notice for which nobody has written one.
    package func title(_ kind: StatusKind) -> String {
        switch kind {
        case .incident: pick("Disruption of the service", "Störung des Dienstes", "Perturbation du service")
        case .maintenance: pick("Planned maintenance", "Geplante Wartung", "Maintenance planifiée")
        }
    }

    /// What an update of a phase may begin with; a person goes on from there.
    package func template(_ phase: StatusPhase) -> String {
        switch phase {
        case .investigating:
            pick(
                "We see a disruption and are looking for its cause. The next update follows within the hour.",
                "Wir sehen eine Störung und suchen ihre Ursache. Der nächste Stand folgt innerhalb einer Stunde.",
                "Nous constatons une perturbation et en cherchons la cause. Prochain point dans l’heure.")
        case .identified:
            pick(
                "The cause is known and is being removed.", "Die Ursache ist bekannt und wird behoben.",
                "La cause est connue et en cours de correction.")
        case .monitoring:
            pick(
                "It works again. We keep watching before we call it over.",
                "Es läuft wieder. Wir beobachten weiter, bevor wir es für beendet erklären.",
                "Le service fonctionne à nouveau. Nous restons attentifs avant de conclure.")
        case .resolved:
            pick("The disruption is over.", "Die Störung ist behoben.", "La perturbation est terminée.")
        case .scheduled:
            pick(
                "We are going to work on the service at the time named.", "Wir arbeiten zur genannten Zeit am Dienst.",
                "Nous interviendrons sur le service à l’heure indiquée.")
        case .inProgress: pick("The work has begun.", "Die Arbeiten haben begonnen.", "Les travaux ont commencé.")
        case .completed: pick("The work is done.", "Die Arbeiten sind abgeschlossen.", "Les travaux sont terminés.")
        }
    }
}

/// What an owner wants published without a person: from which severity on, and in which words of their own.
package struct StatusPublishingRule: Sendable, Hashable {
    /// This severity and worse.
    package let from: Severity
    package let title: String
    package let opening: String
    package let closing: String

    package init(from: Severity, title: String, opening: String, closing: String) {
        self.from = from
        self.title = title
        self.opening = opening
        self.closing = closing
    }

    /// Reads `{from, title, opening, closing}`.
    package init(json: JSONValue) throws(Refusal) {
        guard let object = json.object, let from = object["from"]?.string.flatMap(Severity.init(rawValue:)) else {
            throw StatusBounds.refusal(
                "rule", "A rule says from which severity on it publishes: from is sev1, sev2, sev3 or sev4.")
        }
        if let stray = object.first(where: { !["from", "title", "opening", "closing"].contains($0.key) }) {
            throw StatusBounds.refusal("rule", "A rule has from, title, opening and closing, and no \(stray.key.prefix(40)).")
        }
        self.init(
            from: from,
            title: try StatusBounds.checked(object["title"]?.string ?? "", "rule.title", max: StatusBounds.titleScalarsMax),
            opening: try StatusBounds.checked(
                object["opening"]?.string ?? "", "rule.opening", max: StatusBounds.textScalarsMax, mayBreak: true),
            closing: try StatusBounds.checked(
                object["closing"]?.string ?? "", "rule.closing", max: StatusBounds.textScalarsMax, mayBreak: true))
    }

    package var json: JSONValue {
        [
            "from": .string(from.rawValue), "title": .string(title), "opening": .string(opening), "closing": .string(closing),
        ]
    }

    package func covers(_ severity: Severity) -> Bool { severity >= from }
}
