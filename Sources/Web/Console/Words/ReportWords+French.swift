extension ReportWords {
    static let french = ReportWords(
        language: "fr",
        months: [
            "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
            "décembre",
        ],
        monthsShort: [
            "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
        ], title: "Rapport de service", report: "Rapport {number}", revision: "révision {revision}",
        amends: "Cette révision remplace la révision {revision} : {reason}", summary: "Résumé", commitments: "Engagements",
        commitmentHeads: [
            "Engagement", "Délai", "Au moins", "Cas", "Tenus", "Manqués", "Exclus", "Ouverts", "Part tenue", "Résultat",
        ], missed: "Pourquoi des délais ont été dépassés", noMissed: "Aucun délai n’a été dépassé ce mois-ci.",
        missedHeads: ["Délai", "Manqué le", "Compté", "Objectif", "Motif"],
        moreMissed: "{count} autres figurent dans les données jointes.",
        excluded: "Exclu de la part, comme le contrat le permet.", unexplained: "Aucune justification n’a été écrite.",
        trace: "Comment le temps a été compté", traceCut: "Les autres intervalles figurent dans les données jointes.",
        availability: "Disponibilité",
        availabilityHeads: [
            "Temps convenu", "Exclu pour maintenance annoncée", "Interruptions dans le temps convenu", "Part disponible",
            "Résultat",
        ],
        noAvailability: "Le contrat ne promet rien sur la disponibilité.", incidents: "Incidents",
        incidentHeads: ["Durée", "Médiane", "Neuf sur dix en moins de", "Comptés", "Non terminés à cette date"],
        noIncidents: "Aucun incident n’a été ouvert ce mois-ci.", notEnded: "non terminé à la fin du mois", credits: "Avoirs",
        noCredits: "Aucun avoir n’est dû.", creditLine: "{percent} de la redevance mensuelle : {amount}",
        creditCapped: "{earned} étaient acquis ; le plafond du contrat s’applique.",
        creditNoFee: "la redevance ne figure pas dans le contrat", trend: "Les douze derniers mois",
        noTrend: "Les mois précédents n’ont pas de rapport signé.", recommendations: "Recommandations",
        signature: "Validation", unsigned: "Pas encore validé. Les chiffres sont arrêtés, les textes peuvent changer.",
        signedBy: "Validé par {name} le {date}.", data: "Données",
        dataText:
            "{lines} lignes de données jointes, chaîne SHA-256 {hash}. Fuseau {zone} ({version}). Lecture le {date}.",
        verify: "Chacun peut recalculer tous les chiffres :", kept: "tenu", notKept: "manqué", noCase: "aucun cas", of: "sur",
        untouched: "sans intervention",
        hours: "h", minutes: "min", seconds: "s", days: "j", page: "page", over: "dépassé de {span}", due: "échéance {date}",
        cause: "Cause : {cause}",
        causes: [
            "customer": "côté client", "third-party": "un tiers", "force-majeure": "force majeure", "staffing": "effectifs",
            "system": "un système", "configuration": "configuration", "data": "données", "other": "autre",
        ],
        reasons: [
            "service": "compté en heures de service", "counted_through": "compté bien que clos",
            "outside_service_hours": "hors heures de service", "maintenance": "maintenance annoncée", "paused": "suspendu",
            "stopped": "arrêté", "cancelled": "annulé",
        ],
        advice: [
            "objective-missed":
                "{subject} : {count} cas sur {of} ont atteint l’objectif. Examiner les causes avant la fin du mois prochain.",
            "objective-close":
                "{subject} a été tenu, mais plus de la moitié de la marge est consommée ({count} sur {of} tenus).",
            "few-cases": "{subject} n’a compté que {count} cas ; sa part seule dit peu.",
            "availability-missed":
                "La disponibilité a été manquée : {span} d’interruption dans le temps convenu. Revoir les incidents en cause.",
            "unanswered": "{count} incidents sur {of} n’ont reçu de réponse de personne dans le mois.",
            "repeated-cause": "{count} délais ont été manqués pour une même cause : {subject}.",
            "unexplained": "{count} délais manqués n’ont pas de justification.",
            "all-kept": "Tous les cas ont atteint leur objectif. Rien n’est à changer.",
        ],
        autoSummary: "En {month}, {met} cas décidés sur {n} ont atteint leur objectif. {rest}",
        autoMissedOne: "Un cas a dépassé son délai.", autoMissedMany: "{count} cas ont dépassé leur délai.",
        mailSubject: "Rapport de service {number}, {month}",
        mailText: "Le rapport de service de {tenant} pour {month} est validé.\n\n{summary}\n\n",
        mailWithFile: "Il est joint en PDF et se trouve avec ses données à la page {path}.\n",
        mailWithoutFile: "Il se trouve avec ses données à la page {path}.\n", changes: "Ce que change cette révision")
}
