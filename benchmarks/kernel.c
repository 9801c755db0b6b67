/* The Monte Carlo kernel of simlib/engines/montecarlo/_kernel.py in C, with the same algorithm, tables and random numbers.
 *
 * It shows how fast the Numba kernel could be. Compiled with floating-point contraction off, it gives the same integers
 * and the same times, bit for bit. The structs mirror the NamedTuples of the Python kernel, field by field.
 */
#include <math.h>
#include <stdint.h>

#define GAMMA 0x9E3779B97F4A7C15ull

#define FIRINGS 1000

typedef struct {
    int64_t rung, ending, question, move, square, width, words, endings, questions, impacts, first_pace;
    int64_t variables, moves, ladders, segments, effects, times, paces, amounts;
} Layout;

typedef struct {
    const int32_t *top;
    const uint32_t *bit, *reader_start, *reader_move;
    const int32_t *reader_stride;
    const uint32_t *spread_start;
    const int32_t *spread_level;
    const uint64_t *start_hash;
    const uint32_t *entry;
    const uint8_t *possible;
    const uint32_t *branch;
    const uint64_t *move_hash;
    const uint32_t *outcome_start, *effect_start, *effect_variable;
    const int32_t *effect_keep, *effect_amount;
    const uint32_t *touched_start, *touched, *clock_start, *clock, *ladder_start, *ladder, *ending_start, *ending;
    const uint32_t *question_start, *question, *answer_start, *answer;
    const int64_t *goal;
    const double *lull;
    const uint32_t *clock_move, *clock_variable, *rung_start, *condition_start;
    const uint64_t *clause;
    const double *segment_end;
    const uint32_t *segment_table, *segment_chance;
    const uint8_t *held;
    const int64_t *action_start, *action_move, *action_outcome;
    const uint32_t *action_guard;
    const uint64_t *action_hash;
    const int64_t *action_repeat;
    const double *grid;
    const uint32_t *amount_impact;
    const uint64_t *amount_hash;
    const uint32_t *impulse_start, *impulse, *pace_start, *pace, *payment_start, *payment;
} Machine;

typedef struct { const double *rates, *chance, *share, *mean, *log_mean, *log_spread; } Values;

typedef struct {
    int32_t *level;
    uint64_t *word;
    uint32_t *rung, *place;
    uint64_t *key;
    double *fire, *rate, *left;
    int64_t *fired, *total, *bits, *seen;
    double *since, *accrued, *flow;
    uint8_t *paid;
} Work;

typedef struct {
    int64_t *counts, *tried, *missed, *firings;
    int32_t *ending;
    double *ending_time, *question_time;
    int64_t *events;
    double *accrued;
} Output;

static inline uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

static inline double uniform(uint64_t key, uint64_t number) {
    return ((double)(int64_t)(mix(key + (number + 1) * GAMMA) >> 12) + 0.5) * 0x1p-52;
}

static inline double exponential(uint64_t key, uint64_t number) { return -log(uniform(key, number)); }

static inline uint32_t choose(const double *cumulative, uint32_t place, double u) {
    while (u >= cumulative[place]) place++;
    return place;
}

static inline int holds(const Layout *l, const Machine *m, uint32_t condition, const uint64_t *word) {
    for (uint32_t row = m->condition_start[condition]; row < m->condition_start[condition + 1]; row++) {
        uint64_t shared = 0;
        for (int64_t k = 0; k < l->words; k++) shared |= word[k] & m->clause[row * l->words + k];
        if (!shared) return 1;
    }
    return 0;
}

static inline uint32_t rung_of(const Layout *l, const Machine *m, uint32_t ladder, const uint64_t *word) {
    uint32_t first = m->rung_start[ladder], rung = m->rung_start[ladder + 1] - 1;
    while (rung > first && !holds(l, m, rung, word)) rung--;
    return rung;
}

/* GCC vectorises a minimum only if it may ignore NaN. Times are never NaN. */
__attribute__((optimize("finite-math-only", "no-signed-zeros", "no-trapping-math")))
static double earliest(const double *fire, int64_t moves) {
    double best = HUGE_VAL;
    for (int64_t move = 0; move < moves; move++) best = fire[move] < best ? fire[move] : best;
    return best;
}

static inline void rerate(const Work *w, uint32_t move, double new, double t) {
    double old = w->rate[move];
    if (new != old) {
        double unit = old > 0 ? (w->fire[move] - t) * old : w->left[move];
        w->rate[move] = new;
        w->left[move] = unit;
        w->fire[move] = new > 0 ? t + unit / new : HUGE_VAL;
    }
}

static inline void set_level(const Machine *m, const Work *w, int64_t *counts, uint32_t variable, int32_t new) {
    int32_t old = w->level[variable], change = new - old;
    uint32_t before = m->bit[variable] + old, after = m->bit[variable] + new;
    w->level[variable] = new;
    w->word[before >> 6] ^= 1ull << (before & 63);
    w->word[after >> 6] ^= 1ull << (after & 63);
    counts[before]--;
    counts[after]++;
    for (uint32_t k = m->reader_start[variable]; k < m->reader_start[variable + 1]; k++)
        w->place[m->reader_move[k]] += change * m->reader_stride[k];
}

static inline void answer(const Layout *l, int64_t *counts, double *times, uint32_t question, double t) {
    if (times[question] == HUGE_VAL) {
        times[question] = t;
        counts[l->question + question]++;
    }
}

/* End a stretch without firings at time t. If it was long enough, the lull happened before t. */
static inline void end_stretch(const Layout *l, const Machine *m, const Work *w, int64_t *all, double *times,
                               uint32_t question, double t) {
    double over = w->since[question] + m->lull[question];
    if (over <= t && times[question] == HUGE_VAL) {
        int64_t cell = 0;
        while (m->grid[cell] < over) cell++;
        answer(l, all + cell * l->width, times, question, over);
    }
}

static inline double amount(const Machine *m, const Values *v, uint32_t number, uint64_t replicate_key, int64_t draw) {
    double spread = v->log_spread[number];
    if (spread == 0.0) return v->mean[number];
    uint64_t key = mix(replicate_key ^ m->amount_hash[number]);
    double radius = sqrt(2.0 * exponential(key, 2 * draw));
    double normal = radius * cos(2.0 * M_PI * uniform(key, 2 * draw + 1));
    return exp(v->log_mean[number] + spread * normal);
}

static inline void gain(const Machine *m, const Values *v, const Work *w, const uint32_t *numbers, uint32_t first,
                        uint32_t last, uint64_t replicate_key, int64_t draw) {
    for (uint32_t k = first; k < last; k++)
        w->accrued[m->amount_impact[numbers[k]]] += amount(m, v, numbers[k], replicate_key, draw);
}

static inline void gain_by_ending(const Layout *l, const Machine *m, const Values *v, const Work *w, int64_t ending,
                                  uint64_t replicate_key) {
    gain(m, v, w, m->payment, m->payment_start[ending], m->payment_start[ending + 1], replicate_key, 0);
    for (int64_t impact = 0; impact < l->impacts; impact++) w->flow[impact] = 0.0;
}

static inline void set_pace(const Layout *l, const Machine *m, const Values *v, const Work *w, int64_t number,
                            uint32_t condition) {
    uint8_t now = holds(l, m, condition, w->word);
    if (now != w->paid[number]) {
        w->paid[number] = now;
        w->flow[m->amount_impact[number]] += now ? v->mean[number] : -v->mean[number];
    }
}

static inline void note_accrued(const Layout *l, const Work *w, double *accrued, int64_t cell, double days) {
    for (int64_t impact = 0; impact < l->impacts; impact++)
        accrued[cell * l->impacts + impact] = w->accrued[impact] + w->flow[impact] * days;
}

/* Count a firing of a move, and answer the questions about it. */
static inline void count_firing(const Layout *l, const Machine *m, const Work *w, int64_t *all, int64_t cell,
                                double *times, int64_t move, uint32_t branch, double t) {
    int64_t before = w->total[move], *counts = all + cell * l->width;
    if (cell < l->times) w->total[move] = before + 1;
    counts[l->move + move]++;
    counts[l->square + move] += 2 * before + 1;
    for (uint32_t k = m->answer_start[branch]; k < m->answer_start[branch + 1]; k++) {
        uint32_t question = m->answer[k];
        if (m->lull[question] > 0.0) {
            end_stretch(l, m, w, all, times, question, t);
            w->since[question] = t;
        } else if (++w->seen[question] >= m->goal[question]) {
            answer(l, counts, times, question, t);
        }
    }
}

static int64_t start(const Layout *l, const Machine *m, const Values *v, const Work *w, int64_t *counts, double *times,
                     uint64_t replicate_key) {
    for (int64_t k = 0; k < l->words; k++) w->word[k] = 0;
    for (int64_t move = 0; move < l->moves; move++) w->place[move] = m->entry[move];
    for (int64_t variable = 0; variable < l->variables; variable++) {
        uint32_t chosen = m->spread_start[variable], bit = m->bit[variable];
        if (m->spread_start[variable + 1] - chosen > 1)
            chosen = choose(v->share, chosen, uniform(mix(replicate_key ^ m->start_hash[variable]), 0));
        w->level[variable] = 0;
        w->word[bit >> 6] ^= 1ull << (bit & 63);
        counts[bit]++;
        set_level(m, w, counts, variable, m->spread_level[chosen]);
    }
    for (int64_t ladder = 0; ladder < l->ladders; ladder++)
        counts[l->rung + (w->rung[ladder] = rung_of(l, m, ladder, w->word))]++;
    for (int64_t move = 0; move < l->moves; move++) {
        w->key[move] = mix(replicate_key ^ m->move_hash[move]);
        w->fired[move] = w->total[move] = 0;
        w->left[move] = exponential(w->key[move], 0);
        w->rate[move] = v->rates[m->segment_table[0] + w->place[move]];
        w->fire[move] = w->rate[move] > 0 ? w->left[move] / w->rate[move] : HUGE_VAL;
    }
    for (int64_t impact = 0; impact < l->impacts; impact++) w->accrued[impact] = w->flow[impact] = 0.0;
    for (int64_t number = 0; number < l->amounts; number++) w->paid[number] = 0;
    uint32_t conditions = l->question - l->rung + l->questions;
    for (int64_t pace = 0; pace < l->paces; pace++) set_pace(l, m, v, w, l->first_pace + pace, conditions + pace);
    for (int64_t question = 0; question < l->questions; question++) {
        times[question] = HUGE_VAL;
        w->seen[question] = 0;
        w->since[question] = 0.0;
    }
    for (int64_t question = 0; question < l->questions; question++)
        if (holds(l, m, l->question - l->rung + question, w->word)) answer(l, counts, times, question, 0);
    for (int64_t ending = 0; ending < l->endings; ending++)
        if (holds(l, m, l->ending - l->rung + ending, w->word)) return ending;
    return -1;
}

static inline int64_t apply(const Layout *l, const Machine *m, const Values *v, const Work *w, int64_t *counts,
                            const double *rates, const uint8_t *held, double *times, uint32_t outcome, double t) {
    int changed = 0;
    for (uint32_t e = m->effect_start[outcome]; e < m->effect_start[outcome + 1]; e++) {
        if (held[e]) continue;
        uint32_t variable = m->effect_variable[e];
        int32_t old = w->level[variable], new = old * m->effect_keep[e] + m->effect_amount[e];
        new = new < 0 ? 0 : new > m->top[variable] ? m->top[variable] : new;
        if (new != old) {
            changed = 1;
            set_level(m, w, counts, variable, new);
        }
    }
    if (!changed) return -1;
    for (uint32_t k = m->clock_start[outcome]; k < m->clock_start[outcome + 1]; k++) {
        uint32_t clock = m->clock[k];
        if (!m->possible[w->place[m->clock_move[clock]]]) set_level(m, w, counts, m->clock_variable[clock], 0);
    }
    for (uint32_t k = m->touched_start[outcome]; k < m->touched_start[outcome + 1]; k++)
        rerate(w, m->touched[k], rates[w->place[m->touched[k]]], t);
    for (uint32_t k = m->ladder_start[outcome]; k < m->ladder_start[outcome + 1]; k++) {
        uint32_t ladder = m->ladder[k], rung = rung_of(l, m, ladder, w->word);
        counts[l->rung + w->rung[ladder]]--;
        counts[l->rung + rung]++;
        w->rung[ladder] = rung;
    }
    uint32_t rungs = l->ending - l->rung;
    for (uint32_t k = m->question_start[outcome]; k < m->question_start[outcome + 1]; k++)
        if (times[m->question[k]] == HUGE_VAL && holds(l, m, rungs + l->endings + m->question[k], w->word))
            answer(l, counts, times, m->question[k], t);
    for (uint32_t k = m->pace_start[outcome]; k < m->pace_start[outcome + 1]; k++)
        set_pace(l, m, v, w, l->first_pace + m->pace[k], rungs + l->endings + l->questions + m->pace[k]);
    for (uint32_t k = m->ending_start[outcome]; k < m->ending_start[outcome + 1]; k++)
        if (holds(l, m, rungs + m->ending[k], w->word)) return m->ending[k];
    return -1;
}

static int64_t action_outcome(const Machine *m, const double *chance, const Work *w, int64_t action,
                              uint64_t replicate_key) {
    int64_t outcome = m->action_outcome[action], move = m->action_move[action];
    if (move < 0) {
        uint32_t e = m->effect_start[outcome];
        return w->level[m->effect_variable[e]] == m->effect_amount[e] ? -1 : outcome;
    }
    if (!m->possible[m->action_guard[action] + w->place[move]]) return -1;
    if (outcome >= 0) return m->branch[w->place[move]] + outcome;
    double u = uniform(mix(replicate_key ^ m->action_hash[action]), m->action_repeat[action]);
    return choose(chance, m->branch[w->place[move]], u);
}

int64_t run(const Layout *l, const Machine *m, const Values *v, const Work *w, const Output *o, uint64_t seed_key,
            int64_t first, int64_t replicates) {
    for (int64_t replicate = 0; replicate < replicates; replicate++) {
        uint64_t replicate_key = mix(seed_key + ((uint64_t)(first + replicate) + 1) * GAMMA);
        double *times = o->question_time + replicate * l->questions, t = 0;
        int64_t ended = start(l, m, v, w, o->counts, times, replicate_key), cell = 0, segment = 0, events = 0;
        double since = 0, *accrued = o->accrued + replicate * l->times * l->impacts;
        int64_t action = m->action_start[0], last_action = m->action_start[1];
        const double *rates = v->rates + m->segment_table[0], *chance = v->chance + m->segment_chance[0];
        const uint8_t *held = m->held;
        if (ended >= 0) {
            o->counts[l->ending + ended]++;
            gain_by_ending(l, m, v, w, ended, replicate_key);
        }
        while (ended < 0) {
            int64_t move, outcome;
            if (action < last_action) {
                int64_t present = action++;
                o->tried[present]++;
                outcome = action_outcome(m, chance, w, present, replicate_key);
                if (outcome < 0) {
                    o->missed[present]++;
                    continue;
                }
                move = m->action_move[present];
            } else {
                double soonest = earliest(w->fire, l->moves);
                if (soonest >= m->segment_end[segment]) {
                    t = m->segment_end[segment++];
                    if (segment == l->segments) break;
                    rates = v->rates + m->segment_table[segment];
                    chance = v->chance + m->segment_chance[segment];
                    held = m->held + segment * l->effects;
                    action = m->action_start[segment];
                    last_action = m->action_start[segment + 1];
                    for (move = 0; move < l->moves; move++) rerate(w, move, rates[w->place[move]], t);
                    continue;
                }
                t = soonest;
                for (move = 0; w->fire[move] != soonest; move++) {}
                int64_t number = 2 * w->fired[move]++;
                outcome = m->branch[w->place[move]];
                if (m->outcome_start[move + 1] - m->outcome_start[move] > 1)
                    outcome = choose(chance, outcome, uniform(w->key[move], number + 1));
                w->fire[move] += exponential(w->key[move], number + 2) / w->rate[move];
            }
            for (; m->grid[cell] < t; cell++) note_accrued(l, w, accrued, cell, m->grid[cell] - since);
            for (int64_t impact = 0; impact < l->impacts; impact++) w->accrued[impact] += w->flow[impact] * (t - since);
            since = t;
            if (move >= 0) {
                gain(m, v, w, m->impulse, m->impulse_start[outcome], m->impulse_start[outcome + 1], replicate_key,
                     w->total[move]);
                count_firing(l, m, w, o->counts, cell, times, move, outcome, t);
            }
            int64_t *counts = o->counts + cell * l->width;
            ended = apply(l, m, v, w, counts, rates, held, times, outcome, t);
            if (ended >= 0) {
                counts[l->ending + ended]++;
                gain_by_ending(l, m, v, w, ended, replicate_key);
            }
            events++;
        }
        for (int64_t question = 0; question < l->questions; question++)
            if (m->lull[question] > 0.0) end_stretch(l, m, w, o->counts, times, question, t);
        for (int64_t move = 0; move < l->moves; move++)
            o->firings[move * FIRINGS + (w->total[move] < FIRINGS - 1 ? w->total[move] : FIRINGS - 1)]++;
        for (int64_t later = cell; later < l->times; later++)
            note_accrued(l, w, accrued, later, m->grid[later] - since);
        o->ending[replicate] = ended;
        o->ending_time[replicate] = ended >= 0 ? t : HUGE_VAL;
        o->events[replicate] = events;
    }
    return 0;
}
