extension ReportWords {
    static let german = ReportWords(
        language: "de",
        months: [
            "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
            "Dezember",
        ], monthsShort: ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."],
        title: "Servicebericht", report: "Bericht {number}", revision: "Fassung {revision}",
        amends: "Diese Fassung ersetzt Fassung {revision}: {reason}", summary: "Zusammenfassung", commitments: "Zusagen",
        commitmentHeads: [
            "Zusage", "Innerhalb", "Mindestens", "Fälle", "Erfüllt", "Verfehlt", "Ausgenommen", "Offen", "Anteil erfüllt",
            "Ergebnis",
        ], missed: "Warum Fristen überschritten wurden", noMissed: "In diesem Monat wurde keine Frist überschritten.",
        missedHeads: ["Frist", "Verfehlt am", "Gezählt", "Ziel", "Grund"],
        moreMissed: "{count} weitere stehen in den beigefügten Daten.",
        excluded: "Vom Anteil ausgenommen, wie der Vertrag es erlaubt.", unexplained: "Eine Begründung fehlt.",
        trace: "Wie die Zeit gezählt wurde", traceCut: "Die übrigen Abschnitte stehen in den beigefügten Daten.",
        availability: "Verfügbarkeit",
        availabilityHeads: [
            "Vereinbarte Zeit", "Ausgenommen für angekündigte Wartung", "Ausfall in vereinbarter Zeit", "Anteil verfügbar",
            "Ergebnis",
        ],
        noAvailability: "Der Vertrag sagt zur Verfügbarkeit nichts zu.", incidents: "Störungen",
        incidentHeads: ["Dauer", "Median", "Neun von zehn innerhalb", "Gezählt", "Bis dahin nicht beendet"],
        noIncidents: "In diesem Monat wurde keine Störung eröffnet.", notEnded: "bis Monatsende nicht beendet",
        credits: "Gutschriften", noCredits: "Es ist keine Gutschrift fällig.",
        creditLine: "{percent} der Monatsgebühr: {amount}",
        creditCapped: "Entstanden sind {earned}; es gilt die Obergrenze des Vertrags.",
        creditNoFee: "die Gebühr steht nicht in der Vertragsdatei", trend: "Die letzten zwölf Monate",
        noTrend: "Für frühere Monate gibt es keinen unterschriebenen Bericht.", recommendations: "Empfehlungen",
        signature: "Freigabe", unsigned: "Noch nicht freigegeben. Die Zahlen stehen fest, die Texte noch nicht.",
        signedBy: "Freigegeben von {name} am {date}.", data: "Daten",
        dataText:
            "{lines} Zeilen beigefügter Daten, SHA-256-Kette {hash}. Zeitzone {zone} ({version}). Gelesen am {date}.",
        verify: "Jede Zahl lässt sich nachrechnen:", kept: "erfüllt", notKept: "verfehlt", noCase: "kein Fall", of: "von",
        untouched: "unberührt",
        hours: "Std.", minutes: "Min.", seconds: "Sek.", days: "T.", page: "Seite", over: "{span} darüber",
        due: "fällig {date}", cause: "Ursache: {cause}",
        causes: [
            "customer": "beim Kunden", "third-party": "bei Dritten", "force-majeure": "höhere Gewalt", "staffing": "Besetzung",
            "system": "ein System", "configuration": "Konfiguration", "data": "Daten", "other": "Sonstiges",
        ],
        reasons: [
            "service": "gezählt in der Servicezeit", "counted_through": "gezählt, obwohl geschlossen",
            "outside_service_hours": "außerhalb der Servicezeit", "maintenance": "angekündigte Wartung", "paused": "angehalten",
            "stopped": "beendet", "cancelled": "abgebrochen",
        ],
        advice: [
            "objective-missed":
                "{subject}: {count} von {of} Fällen haben das Ziel erreicht. Bitte die Ursachen oben bald ansehen.",
            "objective-close":
                "{subject} wurde eingehalten, mehr als die Hälfte des Spielraums ist aber verbraucht ({count} von {of} erfüllt).",
            "few-cases": "{subject} hatte nur {count} Fälle; der Anteil allein sagt wenig.",
            "availability-missed":
                "Die Verfügbarkeit wurde verfehlt: {span} Ausfall in vereinbarter Zeit. Die Störungen dahinter prüfen.",
            "unanswered": "{count} von {of} Störungen hat im Monat kein Mensch beantwortet.",
            "repeated-cause": "{count} Fristen wurden aus einem Grund verfehlt: {subject}.",
            "unexplained": "Zu {count} verfehlten Fristen fehlt die Begründung.",
            "all-kept": "Alle Fälle haben ihr Ziel erreicht. Es ist nichts zu ändern.",
        ],
        autoSummary: "Im {month} haben {met} von {n} entschiedenen Fällen ihr Ziel erreicht. {rest}",
        autoMissedOne: "Ein Fall hat die Frist überschritten.", autoMissedMany: "{count} Fälle haben die Frist überschritten.",
        mailSubject: "Servicebericht {number} für {month}",
        mailText: "Der Servicebericht von {tenant} für {month} ist freigegeben.\n\n{summary}\n\n",
        mailWithFile: "Er liegt als PDF bei und steht mit seinen Daten auf der Seite {path}.\n",
        mailWithoutFile: "Er steht mit seinen Daten auf der Seite {path}.\n", changes: "Was diese Fassung ändert")
}
