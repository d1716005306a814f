/*
 * A plugin of version 1.0 in C++: the strongest channel at each position; an exception becomes the explainer's error.
 *
 * Frozen, as maps.c.
 */
#include "camtui_plugin.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

camtui_tensor activation(const camtui_session *session) {
    camtui_tensor out = CAMTUI_TENSOR_INIT;
    if (session->activation(session, session->chosen_layer, &out) != CAMTUI_OK) {
        const camtui_text why = session->last_error(session);
        throw std::runtime_error(std::string(why.data, why.len));
    }
    return out;
}

extern "C" camtui_status explain(const camtui_explainer *, const camtui_session *session, const camtui_values *values,
                                 const camtui_sink *sink) {
    try {
        if (values->values[0]->integer != 0) throw std::runtime_error("it was told to fail");
        const camtui_tensor a = activation(session);
        const std::size_t area = a.shape[2] * a.shape[3];
        std::vector<float> map(a.data, a.data + area);
        for (std::size_t k = 1; k < a.shape[1]; ++k)
            for (std::size_t i = 0; i < area; ++i) map[i] = std::max(map[i], a.data[k * area + i]);
        return sink->map(sink, static_cast<uint32_t>(a.shape[2]), static_cast<uint32_t>(a.shape[3]), map.data(), area);
    } catch (const std::exception &error) {
        sink->error(sink, camtui_text_of(error.what()));
        return CAMTUI_FAILED;
    }
}

/* C++ before 20 has no designated initialisers. */
camtui_param fail_parameter() {
    camtui_param param{};
    param.size = sizeof param;
    param.kind = CAMTUI_PARAM_BOOL;
    param.key = camtui_text_of("fail");
    return param;
}

const camtui_param FAIL = fail_parameter();
const camtui_param *const PARAMS[] = { &FAIL };

camtui_explainer strongest() {
    camtui_explainer made{};
    made.size = sizeof made;
    made.needs = CAMTUI_NEEDS_ACTIVATIONS;
    made.id = camtui_text_of("frozen-strongest");
    made.version = camtui_text_of("1.0");
    made.param_count = 1;
    made.params = PARAMS;
    made.explain = explain;
    return made;
}

const camtui_explainer STRONGEST = strongest();

extern "C" uint32_t explainer_count() { return 1; }
extern "C" const camtui_explainer *explainer(uint32_t index) { return index == 0 ? &STRONGEST : nullptr; }

} // namespace

extern "C" {
extern CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, nullptr, explainer_count, explainer, nullptr,
};
}
