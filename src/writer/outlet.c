#include "writer/outlet.h"

static tb__queue_target target_of(const tb__outlet *o)
{
    return (tb__queue_target){.file_name = o->file->name, .file_bytes = o->file->bytes};
}

tb_status tb__outlet_write(tb__outlet *o, tb__error *err)
{
    tb__event_file *f = o->file;
    if (f->pending.size > 0 && !o->is_published) {
        tb__queue_target target = target_of(o);
        tb_status rv = tb__queue_publish(o->queue, &target, f->pending.data, f->pending.size);
        if (rv != TB_STATUS_OK)
            return tb__error_set(err, rv, "write %s: its queue file can't be written", f->path);
        o->is_published = true;
    }
    tb_status rv = tb__event_file_write(f, err);
    if (rv != TB_STATUS_OK)
        return rv;
    o->is_published = false;
    tb__queue_target target = target_of(o);
    rv = tb__queue_commit(o->queue, &target);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "write %s: its queue file can't be written", f->path);
    return TB_STATUS_OK;
}

tb_status tb__outlet_switch(tb__outlet *o, bool sync, tb__error *err)
{
    tb__queue_target target = target_of(o);
    o->is_published = false;
    tb_status rv = tb__queue_retarget(o->queue, &target, sync);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "write %s: its queue file can't be written", o->file->path);
    return TB_STATUS_OK;
}
