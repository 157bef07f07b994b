#include "mapping/encoder.h"

#include <algorithm>

#include <fmt/format.h>

#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

using config::Profile;

bool offer_any(const PgType& type, Draft& draft) {
  return offer_integers(type, draft) || offer_texts(type, draft) || offer_temporals(type, draft) ||
         offer_numbers(type, draft) || offer_bytes(type, draft) || offer_structures(type, draft) ||
         offer_vectors(type, draft) || offer_shapes(type, draft) || offer_geometries(type, draft);
}

// What a profile chooses instead of the built-in default; null: nothing else.
const char* profile_encoding(const PgType& type, Profile profile) {
  const auto& kind = type.kind;
  const bool timestamp = kind == "timestamp" || kind == "timestamptz";
  const bool long_numeric = kind == "numeric" && numeric_class(type.typmod) == NumericClass::Text;
  switch (profile) {
    case Profile::Default:
      return nullptr;
    case Profile::Drizzle:
      return timestamp ? "unix_ms" : nullptr;
    case Profile::Prisma:
      if (timestamp || kind == "date") return "text_prisma";
      return kind == "json" || kind == "jsonb" ? "compact" : nullptr;
    case Profile::Rails:
      return timestamp ? "text_sqlite" : nullptr;
    case Profile::Django:
      if (kind == "uuid") return "text_hex";
      if (kind == "interval") return "us";
      [[fallthrough]];
    case Profile::SqlAlchemy:
      if (timestamp) return "text_sqlite";
      return long_numeric ? "real" : nullptr;
  }
  return nullptr;
}

// Declarations of TEXT affinity that Rails reads as BigDecimal and Hash.
std::string rails_decl(const PgType& type, const std::string& decl) {
  if (decl != "TEXT") return decl;
  if (type.kind == "json" || type.kind == "jsonb") return "JSON_TEXT";
  if (type.kind != "numeric") return decl;
  NumericModifier modifier;
  if (!numeric_modifier(type.typmod, modifier)) return "DECIMAL_TEXT";
  return fmt::format("DECIMAL_TEXT({},{})", modifier.precision, modifier.scale);
}

// Prisma's adapter knows DECIMAL without its modifier only. Of another type it would take the first value's, and cut
// the decimals of the rest where that one is whole.
std::string prisma_decl(const std::string& decl) { return decl.compare(0, 8, "DECIMAL(") == 0 ? "DECIMAL" : decl; }

std::string profile_decl(const PgType& type, const std::string& decl, Profile profile) {
  if (profile == Profile::Rails) return rails_decl(type, decl);
  return profile == Profile::Prisma ? prisma_decl(decl) : decl;
}

std::string names_of(const std::vector<Offer>& offers) {
  std::string names = "default";
  for (const auto& offer : offers) names.append(", ").append(offer.name);
  return names;
}

}  // namespace

std::shared_ptr<const PgType> without_domains(std::shared_ptr<const PgType> type) {
  while (type && type->kind == "domain" && type->base) type = type->base;
  return type;
}

bool is_known_type(const PgType& type) {
  Draft draft;
  return offer_any(type, draft);
}

Result<std::shared_ptr<const Encoder>> compile_encoder(const std::shared_ptr<const PgType>& type,
                                                       const EncodingChoice& choice) {
  const auto base = without_domains(type);
  Draft draft;
  if (!offer_any(*base, draft)) draft.offers = {{"text", "TEXT", encode_verbatim}};

  std::string name = choice.name;
  const char* const from_profile = name.empty() ? profile_encoding(*base, choice.profile) : nullptr;
  if (from_profile != nullptr) name = from_profile;
  auto offer = draft.offers.begin();
  if (!name.empty() && name != "default") {
    offer =
        std::find_if(draft.offers.begin(), draft.offers.end(), [&](const Offer& each) { return each.name == name; });
  }
  if (offer == draft.offers.end()) {
    return Error{Verdict::PoisonRow, "unknown-encoding", fmt::format("{} has no encoding `{}`", type->sql, name),
                 fmt::format("use one of: {}", names_of(draft.offers))};
  }

  auto encoder = std::make_shared<Encoder>(std::move(draft.encoder));
  encoder->function = offer->function;
  encoder->form = offer->form;
  encoder->exact = offer->exact;
  encoder->limit = offer->limit;
  encoder->decl = profile_decl(*base, offer->decl, choice.profile);
  const bool is_default = offer == draft.offers.begin();
  encoder->encoding = is_default ? "default" : std::string(offer->name);
  encoder->rowid_capable = encoder->rowid_capable && is_default;
  encoder->type = base;
  // A key that became NULL or another row's value would lose a row.
  const bool lossy_specials = choice.specials == config::Specials::Null || choice.specials == config::Specials::Clamp;
  encoder->specials = choice.key && lossy_specials ? config::Specials::Text : choice.specials;
  if (from_profile != nullptr && encoder->encoding == "real") {
    encoder->imprecise =
        fmt::format("{} is stored as a double under this profile: digits beyond 15 are rounded", type->sql);
  }
  if (base->kind == "enum" && encoder->encoding == "rank") {
    encoder->uses_labels = true;
    for (std::size_t i = 0; i < base->labels.size(); ++i) {
      encoder->ranks.emplace(base->labels[i], static_cast<std::int64_t>(i));
    }
  }
  return std::shared_ptr<const Encoder>(std::move(encoder));
}

}  // namespace walbridge::mapping
