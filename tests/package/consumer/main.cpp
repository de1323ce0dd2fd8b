#include <vector>

#include <tblog.h>

int main(int argc, char **argv)
{
    tb_options options = {};
    options.flush_seconds = 0.5;
    tb_writer *w = tb_open(argc > 1 ? argv[1] : "logs", &options);
    if (w == nullptr)
        return 1;
    std::vector<float> weights(1000, 0.25f);
    tb_tag_options names = {};
    names.display_name = "Loss";
    tb_tag *loss = tb_tag_open(w, "loss", &names);
    if (tb_tag_log(loss, 0.5, 1) != TB_STATUS_OK
        || tb_log_histogram(w, "weights", weights.data(), weights.size(), TB_FLOAT32, 1)
               != TB_STATUS_OK)
        return 1;
    return tb_close(w) == TB_STATUS_OK ? 0 : 1;
}
