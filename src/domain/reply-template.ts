/**
 * The reply that is drafted where no model writes one: a receipt in the person's language, without any claim about the matter itself.
 * It never quotes the response, so nothing that somebody wrote can end up in a reply by this way.
 */
const templates: Record<string, (about: string) => string> = {
  en: (about) => `Thank you for your message${about}. We have received it and will get back to you.`,
  de: (about) => `Vielen Dank für Ihre Nachricht${about}. Sie ist bei uns eingegangen, und wir melden uns bei Ihnen.`,
  fr: (about) => `Merci pour votre message${about}. Nous l'avons bien reçu et nous reviendrons vers vous.`,
  es: (about) => `Gracias por su mensaje${about}. Lo hemos recibido y nos pondremos en contacto con usted.`,
  it: (about) => `Grazie per il suo messaggio${about}. Lo abbiamo ricevuto e la ricontatteremo.`,
  nl: (about) => `Bedankt voor uw bericht${about}. We hebben het ontvangen en nemen contact met u op.`,
  pt: (about) => `Obrigado pela sua mensagem${about}. Nós a recebemos e entraremos em contato.`,
};

export const templateModel = 'reply-template/1';

/** `title` is the form's. The language falls back to English. At most `maxWords` words. */
export function templateReply(input: { language: string | undefined; title: string; maxWords: number }): string {
  const template = templates[input.language ?? 'en'] ?? templates.en!;
  const text = template(` (${input.title})`);
  const words = text.split(/\s+/);
  return words.length <= input.maxWords ? text : `${words.slice(0, input.maxWords).join(' ')} …`;
}
