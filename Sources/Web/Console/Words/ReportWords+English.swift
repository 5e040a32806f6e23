extension ReportWords {
    static let english = ReportWords(
        language: "en",
        months: [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
            "December",
        ], monthsShort: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        title: "Service report", report: "Report {number}", revision: "revision {revision}",
        amends: "This revision stands in the place of revision {revision}: {reason}", summary: "Summary",
        commitments: "Commitments",
        commitmentHeads: [
            "Commitment", "Within", "At least", "Cases", "Met", "Missed", "Excluded", "Open", "Share met", "Outcome",
        ], missed: "Why clocks ran over", noMissed: "No clock ran over in this month.",
        missedHeads: ["Clock", "Missed on", "Counted", "Target", "Why"],
        moreMissed: "{count} more are in the attached data.", excluded: "Left out of the share, as the contract permits.",
        unexplained: "No justification was written.", trace: "How the time was counted",
        traceCut: "The rest of the intervals is in the attached data.", availability: "Availability",
        availabilityHeads: [
            "Agreed time", "Left out for announced maintenance", "Outages inside agreed time", "Share available", "Outcome",
        ],
        noAvailability: "The contract promises nothing about availability.", incidents: "Incidents",
        incidentHeads: ["Interval", "Median", "Nine of ten within", "Counted", "Not ended by then"],
        noIncidents: "No incident was opened in this month.", notEnded: "not ended by the end of the month", credits: "Credits",
        noCredits: "No credit is due.", creditLine: "{percent} of the month's fee: {amount}",
        creditCapped: "Earned were {earned}; the contract's cap applies.",
        creditNoFee: "the fee is not part of the contract file",
        trend: "The last twelve months", noTrend: "Earlier months have no signed report.", recommendations: "Recommendations",
        signature: "Sign-off", unsigned: "Not signed yet. The figures are fixed, the words may still change.",
        signedBy: "Signed off by {name} on {date}.", data: "Data",
        dataText: "{lines} lines of attached data, SHA-256 chain {hash}. Time zone {zone} ({version}). Rows read {date}.",
        verify: "Anybody can compute every figure again:", kept: "kept", notKept: "missed", noCase: "no case", of: "of",
        untouched: "untouched",
        hours: "h", minutes: "min", seconds: "s", days: "d", page: "page", over: "over by {span}", due: "due {date}",
        cause: "Cause: {cause}",
        causes: [
            "customer": "the customer's side", "third-party": "a third party", "force-majeure": "force majeure",
            "staffing": "staffing", "system": "a system", "configuration": "configuration", "data": "data", "other": "other",
        ],
        reasons: [
            "service": "counted in service hours", "counted_through": "counted while closed",
            "outside_service_hours": "outside service hours", "maintenance": "announced maintenance", "paused": "paused",
            "stopped": "stopped", "cancelled": "cancelled",
        ],
        advice: [
            "objective-missed":
                "{subject}: {count} of {of} cases met the target. Look at the causes above before the next month closes.",
            "objective-close": "{subject} was kept with more than half of its allowance used ({count} of {of} met).",
            "few-cases": "{subject} had only {count} cases; its share says little by itself.",
            "availability-missed":
                "Availability was missed: {span} of outage inside agreed time. Review the incidents behind it.",
            "unanswered": "{count} of {of} incidents were not answered by a person in the month.",
            "repeated-cause": "{count} clocks were missed for one cause: {subject}.",
            "unexplained": "{count} missed clocks have no justification.",
            "all-kept": "Every case met its target. Nothing is to be changed.",
        ],
        autoSummary: "In {month}, {met} of {n} decided cases met their targets. {rest}",
        autoMissedOne: "One case ran over.", autoMissedMany: "{count} cases ran over.",
        mailSubject: "Service report {number} for {month}",
        mailText: "The service report of {tenant} for {month} has been signed off.\n\n{summary}\n\n",
        mailWithFile: "It is attached as a PDF, and is found on the page {path} with its data.\n",
        mailWithoutFile: "It is found on the page {path}, with its data.\n", changes: "What this revision changes")
}
