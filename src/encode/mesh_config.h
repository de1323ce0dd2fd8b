/* How meshes look: the JSON that TensorBoard's front end hands to three.js. */
#ifndef TB_MESH_CONFIG_H
#define TB_MESH_CONFIG_H

#include <tblog.h>

#include "base/status.h"

/* The box around a mesh. */
typedef struct tb__mesh_box {
    double middle[3];
    double size; /* of its longest side */
} tb__mesh_box;

tb__mesh_box tb__mesh_find_box(const tb_mesh *mesh);

tb_status tb__mesh_config_check(const tb_mesh_options *options, tb__error *err);

/* The configuration, freed with tb__free; NULL when memory is short.  |options| may be NULL. */
char *tb__mesh_config(const tb_mesh *mesh, const tb_mesh_options *options);

#endif
