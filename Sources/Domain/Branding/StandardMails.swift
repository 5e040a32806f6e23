/// The product's own mails, written in each language and not translated word by word.
enum StandardMails {
    static func text(_ kind: MailKind, _ language: BrandLanguage) -> (subject: String, body: String) {
        switch language {
        case .en: english(kind)
        case .de: german(kind)
        case .fr: french(kind)
        }
    }

    /// What the button of a mail says.
    static func button(_ kind: MailKind, _ language: BrandLanguage) -> String {
        switch (kind, language) {
        case (.decisionAsked, .en): "Open the decision"
        case (.decisionAsked, .de): "Entscheidung öffnen"
        case (.decisionAsked, .fr): "Ouvrir la décision"
        case (.signInLink, .en): "Choose a password"
        case (.signInLink, .de): "Passwort wählen"
        case (.signInLink, .fr): "Choisir un mot de passe"
        case (.incidentUpdate, .en): "Open the incident"
        case (.incidentUpdate, .de): "Störung öffnen"
        case (.incidentUpdate, .fr): "Ouvrir l’incident"
        case (.reportReady, .en): "Open the report"
        case (.reportReady, .de): "Bericht öffnen"
        case (.reportReady, .fr): "Ouvrir le rapport"
        }
    }

    private static func english(_ kind: MailKind) -> (String, String) {
        switch kind {
        case .decisionAsked:
            (
                "{{act}}: {{amount}} to {{party}}, due {{due}}",
                "Your signature is asked for.\n\n{{act}}: {{amount}} to {{party}}, due {{due}}.\n\n{{link}}\n\n"
                    + "No one can approve from this mail."
            )
        case .signInLink:
            (
                "Your access to {{brand}}",
                "{{person}}, you can sign in to {{brand}} as soon as you have chosen a password.\n\n{{link}}\n\n"
                    + "The link works once, until {{until}}."
            )
        case .incidentUpdate:
            (
                "{{state}}: {{title}}",
                "{{title}}\n\nSince {{at}}: {{state}}.\n\n{{link}}"
            )
        case .reportReady:
            (
                "Service report {{period}} of {{tenant}}",
                "The service report of {{tenant}} for {{period}} is ready to be read and signed off.\n\n{{link}}"
            )
        }
    }

    private static func german(_ kind: MailKind) -> (String, String) {
        switch kind {
        case .decisionAsked:
            (
                "{{act}}: {{amount}} an {{party}}, fällig {{due}}",
                "Ihre Unterschrift wird gebraucht.\n\n{{act}}: {{amount}} an {{party}}, fällig {{due}}.\n\n{{link}}\n\n"
                    + "Aus dieser Nachricht heraus kann niemand freigeben."
            )
        case .signInLink:
            (
                "Ihr Zugang zu {{brand}}",
                "Guten Tag {{person}}, sobald Sie ein Passwort gewählt haben, können Sie sich bei {{brand}} anmelden.\n\n"
                    + "{{link}}\n\n"
                    + "Der Link gilt einmal, bis {{until}}."
            )
        case .incidentUpdate: ("{{state}}: {{title}}", "{{title}}\n\nSeit {{at}}: {{state}}.\n\n{{link}}")
        case .reportReady:
            (
                "Servicebericht {{period}} für {{tenant}}",
                "Der Servicebericht für {{tenant}} über {{period}} liegt zur Durchsicht und Abnahme bereit.\n\n{{link}}"
            )
        }
    }

    private static func french(_ kind: MailKind) -> (String, String) {
        switch kind {
        case .decisionAsked:
            (
                "{{act}} : {{amount}} à {{party}}, échéance {{due}}",
                "Votre signature est demandée.\n\n{{act}} : {{amount}} à {{party}}, échéance {{due}}.\n\n{{link}}\n\n"
                    + "Personne ne peut approuver depuis ce message."
            )
        case .signInLink:
            (
                "Votre accès à {{brand}}",
                "Bonjour {{person}}, choisissez un mot de passe pour vous connecter à {{brand}}.\n\n{{link}}\n\n"
                    + "Ce lien sert une seule fois, jusqu’au {{until}}."
            )
        case .incidentUpdate: ("{{state}} : {{title}}", "{{title}}\n\nDepuis {{at}} : {{state}}.\n\n{{link}}")
        case .reportReady:
            (
                "Rapport de service {{period}} pour {{tenant}}",
                "Le rapport de service de {{tenant}} pour {{period}} attend votre lecture et votre accord.\n\n{{link}}"
            )
        }
    }
}

extension MailKind {
    /// What the button says that leads where the mail is about.
    package func button(in language: BrandLanguage) -> String { StandardMails.button(self, language) }
}
