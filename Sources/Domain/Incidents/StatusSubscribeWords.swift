/// The fixed words of subscribing to a status page, by language.
extension StatusWords {
    private func one(_ en: String, _ de: String, _ fr: String) -> String {
        switch language {
        case .en: en
        case .de: de
        case .fr: fr
        }
    }

    package var subscribe: String { one("Be told of updates", "Meldungen erhalten", "Recevoir les avis") }
    package var byMail: String { one("By mail", "Per E-Mail", "Par courriel") }
    package var byWebhook: String { one("By webhook", "Per Webhook", "Par webhook") }
    package var mailAddress: String { one("Your e-mail address", "Ihre E-Mail-Adresse", "Votre adresse électronique") }
    package var ownAddress: String {
        one(
            "Messages go to the address that you sign in with.", "Meldungen gehen an die Adresse, mit der Sie sich anmelden.",
            "Les avis sont envoyés à l’adresse de votre compte.")
    }
    package var hookAddress: String { one("Address of the webhook", "Adresse des Webhooks", "Adresse du webhook") }
    package var hookHelp: String {
        one(
            "https only. It is asked first: it confirms by posting to the address in the event.",
            "Nur https. Er wird zuerst gefragt und bestätigt, indem er an die Adresse im Ereignis schickt.",
            "https seulement. Il est d’abord interrogé et confirme par un POST à l’adresse de l’événement.")
    }
    package var onlyThese: String {
        one(
            "Only about these (none chosen: everything)", "Nur zu diesen (keine gewählt: zu allem)",
            "Seulement pour ceux-ci (aucun choix : tous)")
    }
    package var askMe: String { one("Subscribe", "Abonnieren", "S’abonner") }
    package var askLead: String {
        one(
            "You get a mail first in which you confirm. Every message has a link that ends it.",
            "Sie erhalten zuerst eine E-Mail zum Bestätigen. Jede Meldung enthält einen Link zum Beenden.",
            "Vous recevez d’abord un message à confirmer. Chaque avis contient un lien pour y mettre fin.")
    }

    package var askedTitle: String { one("Almost done", "Fast fertig", "Presque terminé") }
    package var askedMail: String {
        one(
            "If this address can be told, a mail is on its way to it. Open the link in it within two days.",
            "Wenn diese Adresse benachrichtigt werden kann, ist eine E-Mail unterwegs. Öffnen Sie den Link darin innerhalb von "
                + "zwei Tagen.",
            "Si cette adresse peut être avertie, un message est en route. Ouvrez son lien dans les deux jours.")
    }
    package var askedHook: String {
        one(
            "An event of type status.confirm is on its way. The webhook confirms by posting to the address in it within two "
                + "days. This secret signs every event; it is shown only now:",
            "Ein Ereignis vom Typ status.confirm ist unterwegs. Der Webhook bestätigt, indem er innerhalb von zwei Tagen an die "
                + "Adresse darin schickt. Dieses Geheimnis signiert jedes Ereignis und wird nur jetzt gezeigt:",
            "Un événement status.confirm est en route. Le webhook confirme par un POST à l’adresse qu’il contient, dans les deux "
                + "jours. Ce secret signe chaque événement et n’est montré que maintenant :")
    }
    package var badAddress: String {
        one(
            "This is no address that can be told. Check it and try again.",
            "An diese Adresse kann nichts gesendet werden. Bitte prüfen Sie sie.",
            "Cette adresse ne convient pas. Vérifiez-la et réessayez.")
    }
    package var askLater: String {
        one(
            "Too many have asked within the hour. Try again later.",
            "Innerhalb der Stunde kamen zu viele Anfragen. Versuchen Sie es später noch einmal.",
            "Trop de demandes en une heure. Réessayez plus tard.")
    }
    package var isFull: String {
        one(
            "This page takes no more subscribers.", "Diese Seite nimmt keine weiteren Abonnements an.",
            "Cette page n’accepte plus d’abonnés.")
    }
    package var notTaken: String { one("This did not work", "Das ging nicht", "Cela n’a pas fonctionné") }
    package var back: String { one("Back to the status page", "Zurück zur Statusseite", "Retour à la page d’état") }

    package var confirmTitle: String {
        one("Do you want these messages?", "Möchten Sie diese Meldungen?", "Voulez-vous ces avis ?")
    }
    package func confirmLead(_ address: String) -> String {
        one(
            "From now on \(address) is told what this page says.", "Ab jetzt erfährt \(address), was diese Seite meldet.",
            "Désormais, \(address) recevra les avis de cette page.")
    }
    package var confirmYes: String { one("Yes, tell me", "Ja, bitte", "Oui, m’abonner") }
    package var confirmed: String {
        one("Done: you will be told", "Fertig: Sie werden benachrichtigt", "C’est fait : vous serez averti")
    }
    package var stopTitle: String { one("End these messages?", "Meldungen beenden?", "Mettre fin aux avis ?") }
    package func stopLead(_ address: String) -> String {
        one(
            "\(address) is told nothing more by this page.", "\(address) erhält von dieser Seite nichts mehr.",
            "\(address) ne recevra plus rien de cette page.")
    }
    package var stopYes: String { one("End them", "Beenden", "Y mettre fin") }
    package var stopped: String {
        one("Ended: no more messages", "Beendet: keine weiteren Meldungen", "Terminé : plus aucun avis")
    }
}
