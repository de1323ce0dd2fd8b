#include <stdlib.h>

#include <tblog.h>

int main(int argc, char **argv)
{
    unsigned char pixels[4 * 4] = {0};
    tb_image image = {0};
    tb_writer *w = tb_open(argc > 1 ? argv[1] : "logs", NULL);
    if (w == NULL)
        return 1;
    image.data = pixels;
    image.width = image.height = 4;
    if (tb_log_scalar(w, "loss", 0.5, 1) != TB_STATUS_OK
        || tb_log_image(w, "image", &image, 1) != TB_STATUS_OK
        || tb_log_text(w, "text", "from C", 1) != TB_STATUS_OK)
        return 1;
    if (argc > 2)
        _Exit(0); /* as a killed process would: what was logged is in the queue's file */
    return tb_close(w) == TB_STATUS_OK ? 0 : 1;
}
