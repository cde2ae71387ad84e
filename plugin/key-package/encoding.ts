export type ContentForm = string
